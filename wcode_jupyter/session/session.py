"""Where do I stand: settings and their precedence, and the way from a cell's words to a checked call.

A value is looked up in this order, the first that has it wins (this is the one place that says so):

1. the cell: magic options, keyword arguments;
2. the session: `%wcode set`;
3. the configuration: `%config Wcode.<name>` and `ipython_config.py`, then the environment (`WCODE_<NAME>`);
4. the model's own: its `defaults` and `protocol` in the catalogue (for the user's own models; ours have none);
5. the setting's default. Parameters have none: what nobody set is not sent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import Struct

from .. import strict, threads, wire
from ..catalogue import Catalogue, Model, user_file
from ..errors import InputError, ModelUnclear, ParameterError
from ..keys import ANTHROPIC_BASE_URL, ANTHROPIC_ENVIRONMENT, ANTHROPIC_MODEL, Keys
from ..language import _
from ..lazy import lazy
from ..reply import Reply
from ..reply.events import Usage
from ..request.forms import FORMS
from ..request.messages import GATEWAY, LOCAL, Image, Message, Protocol, Request, prompt_text, to_messages
from ..request.parameters import OMITTED, PARAMETERS, Option, check_row, conflicts, parse
from ..request.settings import ROWS, Setting, find_row
from ..store import Mode
from ..transport import Deadlines, Endpoint, endpoint
from . import limits
from .account import Account, AccountEntry
from .chats import Chats, OpenTurn
from .ledger import Ledger

__all__ = ["Call", "CostEstimate", "Session", "Value"]


_PARAMETER_NAMES = tuple(parameter.name for parameter in PARAMETERS)


class Value(Struct, frozen=True):
    """A value in force. `source`: `cell`, `%wcode set`, `%config`, an environment variable, `model` or `default`."""

    name: str
    value: Any
    source: str


class CostEstimate(Struct, frozen=True):
    """What a call may cost, before it is sent. Tokens are a rough count without the model's tokenizer."""

    input_tokens: int
    input_cny: Decimal | None
    output_cny: Decimal | None
    """For `max_tokens` output tokens; None without `max_tokens` or price."""
    token_cny: Decimal | None = None
    """For one output token; None without a price."""
    ambiguous_tier: bool = False
    most_cny: Decimal | None = None
    """RMB that it costs at most: for half as much input again, which is a rough count, and for output up to
    `max_tokens`, else to the model's own limit, else to the end of its context. None without a price."""


class Call(Struct, frozen=True):
    """A checked request and how it is to travel. Holds no key."""

    request: Request
    endpoint: Endpoint
    deadlines: Deadlines
    fingerprint: str
    estimate: CostEstimate
    warnings: tuple[str, ...] = ()
    replay: Mode = "off"
    replay_file: str | None = None
    """Where the answer is recorded; None: beside the notebook."""
    keep: bool = False
    """Whether a question that is unchanged gets its kept answer."""
    anew: bool = False
    """Whether a recorded or kept answer is passed over, where something may be sent."""
    keep_images: bool = False
    allow_secrets: bool = False
    force: bool = False
    """Whether images go also to a model that is known not to see."""
    log: bool = True
    log_content: bool = True
    log_days: int | None = None
    max_steps: int = 8
    """Most requests of a tool loop."""
    tools_confirm: bool = True
    """Whether a tool that is not marked asks before it runs."""
    any_server: bool = False
    """Whether an answer recorded from any server will do, because the user has chosen none."""
    tools_replay: Literal["recorded", "run"] = "recorded"
    """Where a strict replay gets the results of tools from."""
    tools_policy: str = ""
    """Which tools run, ask or never run, by name."""
    turn: OpenTurn | None = None
    """The chat that the answer belongs to."""


# Fields of a Call that are settings of the same name.
_CALL_SETTINGS = tuple(field for field in Call.__struct_fields__ if field in ROWS)


class Session:
    """Settings, keys, catalogue and the replies of one notebook or script.

    `config` gives the configured values at each look-up (IPython's traits); it may be empty.
    """

    def __init__(
        self,
        *,
        config: Callable[[], Mapping[str, Any]] = dict,
        overrides: Mapping[str, Any] | None = None,
        keys: Keys | None = None,
        catalogue: Catalogue | None = None,
    ) -> None:
        self._config = config
        self._forced = strict.AT_IMPORT or strict.wanted(os.environ)
        self._set = {name: check_row(find_row(name), value) for name, value in (overrides or {}).items()}
        self._catalogue = catalogue
        self.keys = keys or Keys()
        self.local_model = LOCAL
        """Id that the embedded model has in requests: `local`, or `local:NAME` for a user's own file."""
        self.chats = Chats()
        """Named conversations."""
        self.findings: list[AccountEntry] = []
        """Results for the account of the study, oldest first: see `%wcode methods`."""
        self.replies: list[Reply] = []
        """Replies of this session, oldest first; those of runs over rows are in their run files."""
        self.knows_what_explain_sends = False
        """Whether the user has seen once what of a failed cell leaves this machine, and agreed."""
        self.ledger = Ledger()
        """What this session's live answers cost, and what is set aside for those under way."""

    @lazy
    def account(self) -> Account:
        """Every answer of this session added up for a paper, those of runs over rows included."""
        return Account()

    @lazy
    def catalogue(self) -> Catalogue:
        """Bundled and user's models, read at first use. Raises InputError."""
        return Catalogue.load(user_file()) if self._catalogue is None else self._catalogue

    @property
    def spent_cny(self) -> Decimal:
        """What this session's live answers cost; where that is not known, what they may have cost at most."""
        return self.ledger.spent

    def count(self, reply: Reply, turn: OpenTurn | None = None) -> None:
        """Counts an ended answer: in the session's replies, its account, and the chat of `turn`."""
        self.replies.append(reply)
        self.account.add(reply)
        if turn is not None:
            self.chats.add(turn, reply)

    def count_in_run(self, reply: Reply) -> None:
        """Counts an answer of a run over rows, which is kept in its run file."""
        self.account.add(reply)

    @property
    def max_cost(self) -> Decimal | None:
        """RMB that the session may cost; None: any."""
        found = self.values().get("max_cost")
        return None if found is None else Decimal(str(found.value))

    def reserve(self, call: Call) -> Decimal:
        """Sets aside what `call` may cost, for `ledger.settle`. Raises InputError: the budget has no room for it."""
        limit = self.max_cost
        most = self.ledger.most(call.request.model, call.estimate.most_cny)
        if most is None:
            return Decimal(0)
        if self.ledger.reserve(most, limit):
            return most
        assert limit is not None
        if self.ledger.spent >= limit:
            raise InputError(
                _("The session's budget of ¥{limit} is spent (¥{spent})").format(limit=limit, spent=self.ledger.spent),
                hint=_("Raise it with %wcode set max_cost=…"),
            )
        what = _("¥{left} of the session's budget of ¥{limit} are left, but this answer may cost ¥{most}")
        left = limit - self.ledger.spent - self.ledger.reserved
        raise InputError(
            what.format(limit=limit, left=_yuan(left), most=_yuan(most)),
            hint=_("Lower max_tokens, or raise the budget with %wcode set max_cost=…"),
        )

    @property
    def strict(self) -> bool:
        """Whether the environment asks for strict replay, which nothing in this process can loosen."""
        return bool(self._forced)

    def check_may_send(self) -> None:
        """Raises ReplayError where the environment asks for strict replay, InputError where there are no threads."""
        if not threads.are_there():
            raise threads.missing()
        if self._forced:
            raise strict.closed()

    @property
    def last(self) -> Reply | None:
        """The newest reply."""
        return self.replies[-1] if self.replies else None

    def price_note(self, model_id: str, usage: Usage) -> str:
        """What to say of the price of an answer; empty where it is clear."""
        return limits.tier_note() if self.catalogue.model(model_id).ambiguous_tier(usage.input_tokens) else ""

    @property
    def server(self) -> Endpoint:
        """The server of the form in force. Raises InputError: not an address."""
        values = self.values()
        protocol: Protocol = values["protocol"].value
        return endpoint(values[FORMS[protocol].base_url].value, protocol)

    def set(self, name: str, value: Any) -> None:
        """Sets a setting or parameter for the session. Raises ParameterError."""
        row = find_row(name)
        try:
            self._set[row.name] = parse(row, value) if isinstance(value, str) else check_row(row, value)
        except ParameterError:
            if row.name == "replay":
                self.send_nothing()
            raise

    def send_nothing(self) -> None:
        """Replays strictly from now on: what a failed switch of the replay mode leaves."""
        self._set["replay"] = "replay"

    def is_set(self, name: str) -> bool:
        """Whether the session itself has a value for it. Raises ParameterError."""
        return find_row(name).name in self._set

    def unset(self, name: str) -> bool:
        """Takes a session value back; False when it was not set."""
        return self._set.pop(find_row(name).name, None) is not None

    def values(self, cell: Mapping[str, Any] | None = None) -> dict[str, Value]:
        """Every value in force by name.

        Raises ParameterError for a bad value, naming where it comes from, and for a name in `cell` that nobody knows.
        """
        own = {find_row(name).name: value for name, value in (cell or {}).items()}
        found = {name: value for name in ROWS if (value := self._look_up(ROWS[name], own)) is not None}
        if found["protocol"].value == "anthropic":
            self._understand_base_url(found)
        if found["anthropic_environment"].value:
            self._read_anthropic_environment(found)
        for name, value in self._of_model(self._model_id(found)).items():
            if own.get(name) is OMITTED:
                continue
            if name not in found or found[name].source == "default":
                found[name] = value
        return {name: found[name] for name in ROWS if name in found}

    def _read_anthropic_environment(self, found: dict[str, Value]) -> None:
        """Server and key as Anthropic's own programs find them; a base URL of ours that somebody set wins."""
        self.keys.read_also(ANTHROPIC_ENVIRONMENT)
        if found["anthropic_base_url"].source == "default":
            variable = ANTHROPIC_ENVIRONMENT[0].base_url_variable
            url = os.environ.get(variable) or ANTHROPIC_BASE_URL
            found["anthropic_base_url"] = Value("anthropic_base_url", url, variable)
        if "model" not in found and found["protocol"].value == "anthropic" and os.environ.get(ANTHROPIC_MODEL):
            found["model"] = Value("model", os.environ[ANTHROPIC_MODEL], ANTHROPIC_MODEL)

    def _understand_base_url(self, found: dict[str, Value]) -> None:
        """`base_url` with the address of the Anthropic form, as users of its SDK write it, is that form's."""
        given = found["base_url"]
        named = given.value.rstrip("/").removesuffix("/v1/messages").removesuffix("/v1").endswith("/anthropic")
        if found["anthropic_base_url"].source == "default" and given.source != "default" and named:
            found["anthropic_base_url"] = Value("anthropic_base_url", given.value, given.source)

    def _look_up(self, row: Option, cell: Mapping[str, Any]) -> Value | None:
        for source, raw in self._layers(row, cell):
            if raw is OMITTED:
                break
            try:
                value = parse(row, raw) if isinstance(raw, str) else check_row(row, raw)
            except ParameterError as error:
                raise ParameterError(f"{error.what} ({source})", name=row.name, hint=error.hint) from None
            return Value(row.name, value, source)
        default = getattr(row, "default", None)
        return None if default is None else Value(row.name, default, "default")

    def _layers(self, row: Option, cell: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """(source, raw value) of every layer that has one, in order of precedence."""
        if self._forced and row.name == "replay":
            yield strict.VARIABLE, self._forced
        if cell.get(row.name) is not None:
            yield "cell", cell[row.name]
        if row.name in self._set:
            yield "%wcode set", self._set[row.name]
        if (configured := self._config().get(row.name)) is not None:
            yield "%config", configured
        if isinstance(row, Setting) and (text := os.environ.get(row.environment)):
            yield row.environment, text

    def _model_id(self, values: Mapping[str, Value]) -> str:
        if (value := values.get("model")) is None:
            return ""
        if value.value == LOCAL:
            return self.local_model
        exact: bool = values["exact_model"].value
        return str(value.value) if exact else self.catalogue.resolve(value.value)

    def _of_model(self, model_id: str) -> dict[str, Value]:
        model = self.catalogue.model(model_id)
        own: dict[str, Any] = dict(model.defaults)
        if model.protocol:
            own["protocol"] = model.protocol
        return {name: Value(name, value, "model") for name, value in own.items()}

    def prepare(
        self,
        prompt: str | Iterable[Message | Mapping[str, Any]],
        cell: Mapping[str, Any] | None = None,
        *,
        extra_body: Mapping[str, Any] | None = None,
        notes: Iterable[str] = (),
    ) -> Call:
        """The call that `prompt` and the cell's values mean; nothing is sent. Raises InputError.

        `cell` maps setting and parameter names to values (texts are parsed); `notes` join the call's warnings.
        """
        return self.prepare_with(prompt, self.values(cell), extra_body=extra_body, notes=notes)

    def prepare_with(
        self,
        prompt: str | Iterable[Message | Mapping[str, Any]],
        values: Mapping[str, Value],
        *,
        extra_body: Mapping[str, Any] | None = None,
        notes: Iterable[str] = (),
    ) -> Call:
        """As `prepare`, of `values` that were looked up already. Raises InputError."""
        setting = {name: value.value for name, value in values.items()}
        messages = to_messages(prompt, system=setting.get("system"))
        model_id, fallback = self._choose_model(values)
        protocol: Protocol = setting["protocol"]
        where = self._endpoint(model_id, protocol, setting)
        parameters = {name: setting[name] for name in _PARAMETER_NAMES if name in setting}
        request = Request(
            model=model_id,
            messages=messages,
            parameters=parameters,
            extra_body=dict(extra_body or {}),
            protocol=protocol,
            stream=setting["stream"],
            endpoint=where.identity,
            thinking_opened=self.catalogue.model(model_id).thinking_opened,
        )
        if not setting["force"]:
            self._check_vision(request)
        request = limits.with_default(request, self.catalogue.model(model_id), prompt_text(messages))
        estimate = self._estimate(request)
        warnings = [*fallback, *notes, *conflicts(parameters, prompt=prompt_text(messages)), *wire.warnings(request)]
        call = self._call(
            request,
            where,
            setting,
            estimate,
            (*warnings, *limits.warnings(request, self.catalogue, estimate.input_tokens)),
        )
        return msgspec.structs.replace(call, any_server=True) if self._any_server(values, protocol) else call

    def _any_server(self, values: Mapping[str, Value], protocol: Protocol) -> bool:
        """Whether a reader has chosen no server and can ask none."""
        server = values["anthropic_base_url" if protocol == "anthropic" else "base_url"]
        mode = values["replay"].value
        if server.source != "default" or mode not in ("replay", "auto"):
            return False
        return mode == "replay" or self.keys.find(endpoint(server.value, protocol).origin) is None

    def _call(
        self,
        request: Request,
        where: Endpoint,
        setting: Mapping[str, Any],
        estimate: CostEstimate,
        warnings: tuple[str, ...] = (),
    ) -> Call:
        """The call of `request` as `setting` says: the one place that copies settings into a Call."""
        return Call(
            request=request,
            endpoint=where,
            deadlines=_deadlines(setting),
            fingerprint=wire.fingerprint(request),
            estimate=estimate,
            warnings=warnings,
            **{name: setting[name] for name in _CALL_SETTINGS if name in setting},
        )

    def repeat(self, request: Request) -> Call:
        """The call that asks a recorded request again, at the server it was asked at; neither replayed nor recorded.

        Raises InputError: it was asked of an embedded model that is not the one in use.
        """
        setting = {name: value.value for name, value in self.values().items()}
        call = self._call(request, self._endpoint_of(request, setting), setting, self._estimate(request))
        return msgspec.structs.replace(call, replay="off", replay_file=None, keep=False)

    def again(self, request: Request, *, model: str | None = None) -> Call:
        """The call that sends `request` once more, also to another model: replayed and recorded as the session says.

        Raises InputError: it was asked of an embedded model that is not the one in use, or there is no such model.
        """
        values = self.values({} if model is None else {"model": model})
        setting = {name: value.value for name, value in values.items()}
        if model is not None:
            model_id = self._model_id(values)
            where = self._endpoint(model_id, request.protocol, setting)
            # The embedded model is its own server; all others are asked where the question was asked.
            moves = LOCAL in (where.identity, request.endpoint)
            request = msgspec.structs.replace(
                request, model=model_id, endpoint=where.identity if moves else request.endpoint
            )
        call = self._call(request, self._endpoint_of(request, setting), setting, self._estimate(request))
        return msgspec.structs.replace(call, keep=False)

    def _endpoint_of(self, request: Request, setting: Mapping[str, Any]) -> Endpoint:
        if request.endpoint == LOCAL and request.model != self.local_model:
            raise InputError(
                _("{model} is not the embedded model in use").format(model=request.model),
                hint=_("Start it with %wcode local start FILE."),
            )
        where = self._endpoint(request.model, request.protocol, setting)
        if where.identity == request.endpoint:
            return where
        name = FORMS[request.protocol].base_url
        default = getattr(ROWS[name], "default", "")
        return endpoint(default if request.endpoint == GATEWAY else request.endpoint, request.protocol)

    def with_messages(self, call: Call, messages: tuple[Message, ...], fingerprint: str = "") -> Call:
        """`call` with other messages: for many calls that differ in nothing else, and cheaper than `prepare`.

        `fingerprint` is that of the new request where the caller knows it.

        Raises InputError: an image to a model that cannot see.
        """
        request = limits.with_default(
            msgspec.structs.replace(call.request, messages=messages),
            self.catalogue.model(call.request.model),
            prompt_text(messages),
        )
        if not call.force:
            self._check_vision(request)
        return msgspec.structs.replace(
            call,
            request=request,
            fingerprint=fingerprint or wire.fingerprint(request),
            estimate=self._estimate(request),
        )

    def _choose_model(self, values: Mapping[str, Value]) -> tuple[str, list[str]]:
        """The model id, and what to say when it was not the user's choice."""
        if model_id := self._model_id(values):
            if not values["exact_model"].value and values["replay"].value != "replay":
                self._check_name(model_id)
            return model_id, []
        protocol: Protocol = values["protocol"].value
        base_url = values[FORMS[protocol].base_url]
        # A strict replay asks nobody: what was recorded without a key must be found on a machine that has one.
        keyless = (
            values["replay"].value == "replay" or self.keys.find(endpoint(base_url.value, protocol).origin) is None
        )
        if base_url.source == "default" and keyless:
            return self.local_model, [_("No key and no model selected: using the embedded demo model.")]
        hint = _("Choose one: %%wcode glm-5, in Python model='glm-5'. %wcode models lists them.")
        if protocol == "anthropic" and values["anthropic_environment"].value:
            hint = _("Set {variable}, or choose one: %%wcode glm-5.").format(variable=ANTHROPIC_MODEL)
        raise InputError(_("No model selected"), hint=hint)

    def _check_name(self, model_id: str) -> None:
        """Raises ModelUnclear: not an id that is known, and much like one that is."""
        if near := self.catalogue.near(model_id):
            raise ModelUnclear(
                _("{name} is not a known model id, but resembles {near}").format(name=model_id, near=near),
                typed=model_id,
                near=near,
                hint=_("Use {near}, or add --exact-model to send {name} as typed.").format(name=model_id, near=near),
            )

    def _endpoint(self, model_id: str, protocol: Protocol, setting: Mapping[str, Any]) -> Endpoint:
        if model_id == LOCAL or model_id.startswith(LOCAL + ":"):
            # The address is known once the embedded server runs; the identity never holds its port.
            return Endpoint("", protocol, LOCAL)
        return msgspec.structs.replace(
            endpoint(setting[FORMS[protocol].base_url], protocol),
            key_page=self.catalogue.model(model_id).key_page,
            near_model=self.catalogue.suggest(model_id),
        )

    def _estimate(self, request: Request) -> CostEstimate:
        model = self.catalogue.model(request.model)
        tokens = round(limits.rough_tokens(prompt_text(request.messages))) + 4
        price = model.price(tokens)
        most = limits.said(request)
        return CostEstimate(
            input_tokens=tokens,
            input_cny=tokens * price.input / 1000 if price else None,
            output_cny=most * price.output / 1000 if price and most else None,
            token_cny=price.output / 1000 if price else None,
            ambiguous_tier=model.ambiguous_tier(tokens),
            most_cny=_most_cny(request, model, tokens),
        )

    def own_budget(self, cell: Mapping[str, Any]) -> Decimal | None:
        """RMB that a run with the values `cell` may cost, beside what the session's `max_cost` leaves; None: all."""
        return None if cell.get("max_cost") is None else Decimal(str(self.values(cell)["max_cost"].value))

    def _check_vision(self, request: Request) -> None:
        """Raises InputError for images to a model that is known not to see: a model nobody knows may."""
        contents = [message.content for message in request.messages if not isinstance(message.content, str)]
        if not any(isinstance(part, Image) for parts in contents for part in parts):
            return
        capabilities = self.catalogue.model(request.model).capabilities
        if request.endpoint == LOCAL or (capabilities and "vision" not in capabilities):
            seeing = [model.id for model in self.catalogue.values() if "vision" in model.capabilities]
            raise InputError(
                _("{model} does not support images").format(model=request.model),
                hint=_("Choose a model with vision ({models}), or use --force to send them anyway.").format(
                    models=", ".join(seeing)
                ),
            )


def _deadlines(setting: Mapping[str, Any]) -> Deadlines:
    return Deadlines(
        connect_s=setting["connect_timeout"], idle_s=setting["idle_timeout"], total_s=setting.get("total_timeout")
    )


def _most_cny(request: Request, model: Model, tokens: int) -> Decimal | None:
    """RMB that `request`, of about `tokens`, costs at most; None without a price."""
    bound = _most_tokens(request, tokens)
    prices = [price for count in (tokens, bound) if (price := model.price(count))]
    if not prices:
        return None
    output = limits.most_output(request, model, tokens)
    return max(bound * price.input + output * price.output for price in prices) / 1000


_IMAGE_TOKENS = 8192
"""More than any model of the catalogue takes for a picture in full detail."""


def _most_tokens(request: Request, tokens: int) -> int:
    """Input tokens at most: half as many again as the rule of thumb says, and for each image what one takes at most."""
    parts = [part for message in request.messages if not isinstance(message.content, str) for part in message.content]
    return tokens + tokens // 2 + 2 + _IMAGE_TOKENS * sum(isinstance(part, Image) for part in parts)


def _yuan(amount: Decimal) -> str:
    return f"{amount:.6f}".rstrip("0").rstrip(".")
