"""What is asked: each row, of each model, with each combination of swept values, so many times; made one by one.

A Job says which of these it is, and its `id` is the address of its answer (see `addresses`): the fingerprint of what is
sent, and which of its occurrences it is. An answer on disk belongs to a job when it has its id, so a changed row is
asked again, and one that was moved is not.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct, field

from ..errors import InputError, ParameterError, UndefinedReference, WcodeError
from ..language import _
from ..prompt import template
from ..prompt.schema import Schema
from ..request.messages import Message, Part, canonical_json
from ..request.parameters import PARAMETERS, check_row, parse
from ..request.settings import ROWS, find_row
from ..session import Call, Session
from ..session.account import AccountEntry
from ..session.attempts import Attempts
from .addresses import Fingerprints, Occurrences
from .factors import FewShot, Orders, Prompt, Wording, wordings
from .rows import Row, Rows, is_missing

__all__ = ["SWEPT", "Job", "Plan", "Task", "Variant", "combinations", "plain", "whole_characters"]


class Job(Struct, frozen=True, kw_only=True, gc=False):
    """One question of a run, without its text."""

    id: str
    number: int
    """Place in the run, from 0: rows first, then models, swept values, samples."""
    row: int
    key: object = None
    columns: dict[str, object] = field(default_factory=dict)
    """The row's values as plain JSON."""
    model: str = ""
    """The model asked, by its id."""
    values: dict[str, object] = field(default_factory=dict)
    """Swept values by name."""
    sample: int = 0

    @property
    def label(self) -> str:
        """Model, swept values and sample, for the eye; the first sample goes without a number."""
        values = [f"{name}={value}" for name, value in self.values.items()]
        return " ".join([self.model, *values, *([f"#{self.sample + 1}"] if self.sample else [])])


class Variant(Struct, frozen=True, gc=False):
    """One model with one combination of swept values. `calls` has one for each sample, all the same without seeds."""

    values: dict[str, object]
    calls: tuple[Call, ...]
    shots: int = 0
    """Messages before the last one that are examples."""

    @property
    def examples(self) -> tuple[Message, ...]:
        """Messages that nothing is inserted into."""
        messages = self.calls[0].request.messages
        return messages[len(messages) - 1 - self.shots : len(messages) - 1]

    @property
    def model(self) -> str:
        """The model's id."""
        return self.calls[0].request.model


class Task(Struct, frozen=True, gc=False):
    """A job that is to be done: the messages, or the error that stands in their place."""

    job: Job
    template: Call
    messages: tuple[Message, ...] = ()
    error: WcodeError | None = None
    fingerprint: str = ""


class Plan:
    """The jobs of a run. Several prompts, by name, are each asked of each row.

    `namespace` gives the variables that the rows have no column for; None: braces stay as typed.
    Raises InputError: a column or variable that is not there, a parameter that cannot be swept, nothing to ask.
    """

    def __init__(
        self,
        session: Session,
        prompt: Prompt | Mapping[str, Prompt],
        rows: Rows,
        *,
        models: Iterable[str] = (),
        sweep: Mapping[str, Iterable[object]] | None = None,
        repeat: int = 1,
        seeds: bool = False,
        values: Mapping[str, object] | None = None,
        extra_body: Mapping[str, object] | None = None,
        namespace: Mapping[str, object] | None = None,
        raw: bool = False,
        schema: Schema | None = None,
        retries_schema: int = 0,
        few_shot: FewShot | None = None,
        orders: Orders | None = None,
    ) -> None:
        _check_count("repeat", repeat, 1)
        _check_count("retries_schema", retries_schema, 0)
        self.rows = rows
        self.repeat = repeat
        self.schema = schema
        """What every answer must look like; None: anything."""
        self._retries = retries_schema
        self.variables: Mapping[str, object] = namespace or {}
        self._raw = raw
        self._session = session
        swept = combinations(sweep or {})
        values = dict(values or {}) if schema is None else _with_schema(schema, values or {}, sweep or {})
        asked = tuple(wordings(prompt, few_shot, orders, namespace))
        self.variants = tuple(_variants(session, asked, models, swept, repeat if seeds else 1, values, extra_body))
        self._examples = {id(message) for variant in self.variants for message in variant.examples}
        """Messages that are sent as they are: braces in an example are its own."""
        self.messages = self.variants[0].calls[0].request.messages
        """The prompt before anything is inserted."""
        texts = (
            []
            if raw
            else [
                text
                for call in self.calls
                for message in call.request.messages
                if id(message) not in self._examples
                for text in _texts(message)
            ]
        )
        self._aliases: dict[str, str] = {}
        for text in texts:
            self._aliases |= template.aliased(text, rows.columns)[1]
        named = (name for text in texts for name in template.references(template.aliased(text, rows.columns)[0]))
        self.references = tuple(dict.fromkeys(self._aliases.get(name, name) for name in named))
        self._of_row = tuple(name for name in self.references if name in rows.columns)
        self._check_references()
        self._cut = {text: _Text(template.aliased(text, rows.columns)[0], self._aliases) for text in texts}
        self._texts = texts

    @property
    def count(self) -> int | None:
        """How many jobs there are; None where the rows cannot be counted."""
        return None if self.rows.count is None else self.rows.count * len(self.variants) * self.repeat

    @property
    def fingerprint(self) -> str:
        """64 hex digits for prompt, models and parameters. Rows and samples may be added without changing it."""
        parts = [call.fingerprint for variant in self.variants for call in variant.calls[:1]]
        return hashlib.sha256(canonical_json([parts, self._raw])).hexdigest()

    @property
    def calls(self) -> tuple[Call, ...]:
        """The call of each variant, its messages not filled in yet."""
        return tuple(variant.calls[0] for variant in self.variants)

    def __iter__(self) -> Iterator[Task]:
        """Every task in order. A row that lacks a value gives tasks with an error. Raises InputError (see Rows)."""
        number = itertools.count()
        prints = [[Fingerprints(call) for call in variant.calls] for variant in self.variants]
        seen = Occurrences()
        for row in self.rows:
            filled = self._filled(row)
            columns = plain(row.columns if self.rows.once else self._needed(row.columns))
            key = _plain(row.key)
            for variant, identity, (messages, error) in zip(self.variants, prints, filled, strict=True):
                digits = [""] * len(identity)
                if error is None:
                    try:
                        digits = [one.of(messages) for one in identity]
                    except WcodeError as refused:
                        error = refused
                for sample in range(self.repeat):
                    which = min(sample, len(variant.calls) - 1)
                    place = next(number)
                    id_ = seen.next(digits[which], identity[which].order) if error is None else f"unsent.{place}"
                    job = Job(
                        id=id_, number=place, row=row.number, key=key, columns=columns,
                        model=variant.model, values=variant.values, sample=sample,
                    )  # fmt: skip
                    yield Task(job, variant.calls[which], messages, error, digits[which])

    def sample(self, most: int) -> Iterator[Task]:
        """The first task of each variant for at most `most` rows, evenly spread over all; the rows can be counted."""
        step = -(-(self.rows.count or 1) // most)
        for row in itertools.islice(self.rows, 0, None, step):
            for variant, (messages, error) in zip(self.variants, self._filled(row), strict=True):
                job = Job(id="", number=0, row=row.number, model=variant.model, values=variant.values)
                yield Task(job, variant.calls[0], messages, error)

    @property
    def examples_said(self) -> str:
        """How many examples go before the prompt, in a sentence for the account of the study; empty without any."""
        counts = sorted({variant.shots // 2 for variant in self.variants})
        if not any(counts):
            return ""
        said = _("Few-shot prompting: {counts} examples go before the prompt as turns of a chat.")
        return said.format(counts=", ".join(map(str, counts)))

    @property
    def account(self) -> list[AccountEntry]:
        """Where findings of the run are entered: the account of the session's study."""
        return self._session.findings

    def usual_output(self, call: Call) -> Decimal | None:
        """Output tokens that an answer of the call's model took on the average in this session; None: none came."""
        return self._session.account.usual_output(call.request.model)

    def call(self, task: Task) -> Call:
        """The whole call of a task, to be sent."""
        return self._session.with_messages(task.template, task.messages, task.fingerprint)

    def attempts(self, call: Call) -> Attempts | None:
        """How `call` is asked until its answer fits the schema; None without one."""
        return None if self.schema is None else Attempts(self._session, call, self.schema, self._retries)

    def price(self, call: Call, output_tokens: int) -> Decimal:
        """RMB for `output_tokens` of the call's model; 0 where its price is unknown."""
        price = self._session.catalogue.model(call.request.model).price(call.estimate.input_tokens)
        return output_tokens * price.output / 1000 if price else Decimal(0)

    def _needed(self, columns: Mapping[str, object]) -> dict[str, object]:
        """What of a row is kept with its answers: the columns that the prompt names."""
        return {name: columns[name] for name in self._of_row if name in columns}

    def _filled(self, row: Row) -> list[tuple[tuple[Message, ...], WcodeError | None]]:
        """The messages of each variant, or why there are none."""
        sources = [variant.calls[0].request.messages for variant in self.variants]
        if self._raw:
            return [(messages, None) for messages in sources]
        known: dict[int, tuple[tuple[Message, ...], WcodeError | None]] = {}
        for messages in sources:
            if id(messages) not in known:
                known[id(messages)] = self._inserted(messages, row)
        return [known[id(messages)] for messages in sources]

    def _inserted(self, messages: tuple[Message, ...], row: Row) -> tuple[tuple[Message, ...], WcodeError | None]:
        empty = [name for name in self._of_row if is_missing(row.columns.get(name))]
        if empty:
            what = _("Row {number} has no value for {names}")
            names = ", ".join("{{" + name + "}}" for name in empty)
            return (), InputError(what.format(number=row.number + 1, names=names))
        aliases = {alias: row.columns[name] for alias, name in self._aliases.items()}
        namespace: ChainMap[str, object] = ChainMap(row.columns, self.variables, aliases)  # type: ignore[arg-type]
        try:
            return tuple(self._expanded(message, namespace) for message in messages), None
        except WcodeError as error:
            return (), error

    def _expanded(self, message: Message, namespace: Mapping[str, object]) -> Message:
        if not isinstance(message.content, str) or id(message) in self._examples:
            return message
        content: str | tuple[Part, ...] | None = self._cut[message.content].fill(namespace)
        if content is None:
            body = template.expand(template.aliased(message.content, self.rows.columns)[0], namespace)
            content = body.parts or body.text
        if isinstance(content, str) and not content.isascii():
            _refuse_half_characters(content)
        return msgspec.structs.replace(message, content=content)

    @property
    def notices(self) -> list[str]:
        """What looks unintended about the prompt, a sentence each, in the language of now."""
        return [] if self._raw or not self.rows.columns else list(dict.fromkeys(self._unmatched()))

    def _unmatched(self) -> Iterator[str]:
        for text in self._texts:
            yield from template.unmatched(text, self.rows.columns)
        if not self._of_row and self.rows.count != 1:
            yield _("The prompt names no column: every row asks the same. The columns are {names}.").format(
                names=", ".join("{{" + name + "}}" for name in self.rows.columns[:20])
            )

    def _check_references(self) -> None:
        missing = [name for name in self.references if name not in self.rows.columns and name not in self.variables]
        if missing:
            raise UndefinedReference(
                _("Neither a column nor a variable: {names}").format(
                    names=", ".join("{{" + name + "}}" for name in missing)
                ),
                hint=_("The columns are {names}.").format(names=", ".join(self.rows.columns[:20])),
            )


def _variants(
    session: Session,
    asked: Sequence[Wording],
    models: Iterable[str],
    swept: list[dict[str, object]],
    seeds: int,
    values: Mapping[str, object],
    extra_body: Mapping[str, object] | None,
) -> Iterator[Variant]:
    """Each once, however its model and values are spelled: the same request twice would be one answer for two jobs.

    Prompts by name, orders of options and numbers of examples are factors like a swept value.
    """
    names: list[str | None] = [*models]
    seen: set[str] = set()
    for model, wording, combination in itertools.product(names or [None], asked, swept):
        cell = {**values, **({} if model is None else {"model": model}), **combination}
        text = wording.prompt
        first = session.prepare(text, cell, extra_body=extra_body)
        if first.fingerprint in seen:
            continue
        seen.add(first.fingerprint)
        calls = [first]
        if seeds > 1 or "seed" in first.request.parameters:
            base = first.request.parameters.get("seed", 0)
            calls = [
                session.prepare(text, {**cell, "seed": base + sample}, extra_body=extra_body) for sample in range(seeds)
            ]
        yield Variant({**wording.values, **combination}, tuple(calls), wording.examples)


def _check_count(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or value < least:
        raise ParameterError(
            _("{name} must be an integer of at least {least}, got {value}").format(name=name, value=value, least=least),
            name=name,
        )


def _with_schema(schema: Schema, values: Mapping[str, object], sweep: Mapping[str, object]) -> dict[str, object]:
    """`values` with the format that `schema` asks for. Raises InputError: there is another one."""
    if "response_format" in values or "response_format" in sweep:
        raise InputError(_("A schema sets response_format; use only one of them"))
    return {**values, "response_format": schema.response_format}


def combinations(sweep: Mapping[str, Iterable[object]]) -> list[dict[str, object]]:
    """Every combination of swept values, the last name running fastest; one empty one without a sweep.

    Raises ParameterError: an unknown name, a value out of range, no value, no list of values.
    """
    if not isinstance(sweep, Mapping):
        raise ParameterError(_("A sweep maps parameters to lists of values"), name="sweep", hint=_SWEEP)
    checked = {find_row(name).name: _checked(name, values) for name, values in sweep.items()}
    return [dict(zip(checked, values, strict=True)) for values in itertools.product(*checked.values())]


_SWEEP = 'sweep={"temperature": [0, 0.5, 1]}'
SWEPT = frozenset((*(parameter.name for parameter in PARAMETERS), "system", "protocol"))
"""What may be swept."""


def _checked(name: str, values: Iterable[object]) -> list[object]:
    row = find_row(name)
    if row.name not in SWEPT:
        hint = _("Use several models to compare them.") if row.name == "model" else ""
        raise ParameterError(_("{name} cannot be swept").format(name=row.name), name=row.name, hint=hint)
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        what = _("{name}: a sweep needs a list of values").format(name=row.name)
        raise ParameterError(what, name=row.name, hint=_SWEEP)
    found = [parse(ROWS[row.name], value) if isinstance(value, str) else check_row(row, value) for value in values]
    if not found:
        raise ParameterError(_("No values to sweep for {name}").format(name=row.name), name=row.name)
    return found


def _texts(message: Message) -> list[str]:
    return [message.content] if isinstance(message.content, str) else []


def _refuse_half_characters(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(_("A value contains half a character (a lone surrogate), which cannot be sent")) from None


class _Text:
    """A text cut at its references, so that plain values are inserted without reading it anew for each row."""

    def __init__(self, text: str, aliases: Mapping[str, str]) -> None:
        found = template.references(text)
        self._names = tuple(aliases.get(name, name) for name in found)
        marks = {name: f"\0{index}\0" for index, name in enumerate(found)}
        # Even places: what stands between; odd places: which reference. A text with \0 of its own is left alone.
        self._pieces = [] if "\0" in text else re.split("\0([0-9]+)\0", template.expand(text, marks).text)

    def fill(self, namespace: Mapping[str, object]) -> str | None:
        """The text; None where a value is more than text or a number."""
        values = [namespace[name] for name in self._names]
        if not self._pieces or any(type(value) not in _PLAIN for value in values):
            return None
        pieces = self._pieces.copy()
        pieces[1::2] = [str(values[int(index)]) for index in pieces[1::2]]
        return "".join(pieces)


_PLAIN = frozenset((str, int, float, bool))


def plain(columns: Mapping[str, object]) -> dict[str, object]:
    """A row's values as JSON can hold them; what it cannot is its own text, what is missing is None."""
    return {name: _plain(value) for name, value in columns.items()}


def _plain(value: object) -> object:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, (bool, int)):
        return value
    if is_missing(value):
        return None
    if isinstance(value, float):
        return value
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=repr)
    if isinstance(value, (list, tuple, dict)):
        try:
            return whole_characters(msgspec.to_builtins(value, str_keys=True, enc_hook=_native))
        except (TypeError, RecursionError, NotImplementedError):
            return whole_characters(str(value))
    return whole_characters(_native(value))


def whole_characters(value: object) -> object:
    """Plain JSON with a question mark for each half of a character (lone surrogate), which no file can hold."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {whole_characters(name): whole_characters(item) for name, item in value.items()}
    return [whole_characters(item) for item in value] if isinstance(value, (list, tuple)) else value


def _native(value: object) -> object:
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    item: Callable[[], object] | None = getattr(value, "item", None)
    if item is not None and getattr(value, "shape", None) == ():
        found = item()
        return found if isinstance(found, (str, int, float, bool)) else str(found)
    return str(value)
