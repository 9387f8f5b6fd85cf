"""What is asked in several ways: prompts by name, examples before the prompt, and the order of the options.

Each is a factor like a swept value, whose level is in the values of a job: `prompt`, `shots`, `order`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import TypeAlias

from msgspec import Struct

from ..errors import InputError
from ..language import _
from ..prompt import template
from ..request.messages import Message
from .rows import Rows, is_missing

__all__ = ["OPTIONS", "FewShot", "Orders", "Prompt", "Wording", "wordings"]

Prompt: TypeAlias = str | Iterable[Message | Mapping[str, object]]
"""A text, or messages."""
_Messages: TypeAlias = str | list[Message | Mapping[str, object]]
OPTIONS = "options"
"""Name of the placeholder for options in their order."""
_ANSWER = "answer"
_SEED = 20261201


class FewShot(Struct, frozen=True):
    """Examples that go before the prompt as turns of a chat: rows with the prompt's columns and their `answer`."""

    examples: object
    """Rows, as for a run."""
    counts: Sequence[int] = ()
    """How many of them, from the first: one level each. None given: all."""


class Orders(Struct, frozen=True):
    """Options that the prompt names as `{{options}}`, in several orders: as they are, then shuffled."""

    options: Sequence[str]
    count: int = 1
    separator: str = ", "


class Wording(Struct, frozen=True):
    """One way of asking: its levels by factor, the prompt, and how many of its messages are examples."""

    values: Mapping[str, object]
    prompt: _Messages
    examples: int = 0
    """Messages before the last one that are sent as they are."""


def wordings(
    prompt: Prompt | Mapping[str, Prompt],
    few_shot: FewShot | None = None,
    orders: Orders | None = None,
    namespace: Mapping[str, object] | None = None,
) -> Iterator[Wording]:
    """Every combination of prompts, orders and numbers of examples. `namespace` holds the notebook's variables.

    Raises InputError: no prompt, two that are the same, no examples, an example without an answer or a column.
    """
    prompts = _named(prompt)
    ordered: Sequence[str | None] = [None] if orders is None else _ordered(orders)
    turns, counts = ([], [0]) if few_shot is None else _examples(few_shot)
    for (name, one), order, count in product(prompts.items(), ordered, counts):
        text = one if order is None else _with_options(one, order)
        values = {
            **({} if name is None else {"prompt": name}),
            **({} if order is None else {"order": order}),
            **({} if few_shot is None else {"shots": count}),
        }
        if not count:
            yield Wording(values, text)
            continue
        shots = [message for example in turns[:count] for message in _turn(text, example, namespace or {})]
        messages = [Message("user", text)] if isinstance(text, str) else text
        yield Wording(values, [*messages[:-1], *shots, *messages[-1:]], len(shots))


def _named(prompt: Prompt | Mapping[str, Prompt]) -> dict[str | None, _Messages]:
    """Prompts by name; the name of a single one is None. Raises InputError: none, or two that are the same."""
    if not isinstance(prompt, Mapping):
        return {None: prompt if isinstance(prompt, str) else list(prompt)}
    found: dict[str | None, _Messages] = {}
    for name, one in prompt.items():
        text = one if isinstance(one, str) else list(one)
        twin = next((known for known, other in found.items() if other == text), None)
        if twin is not None:
            raise InputError(_("The prompts {first} and {second} are the same").format(first=twin, second=name))
        found[str(name)] = text
    if not found:
        raise InputError(_("No prompt to send"))
    return found


# -- options -----------------------------------------------------------------------------------------------------------


def _ordered(orders: Orders) -> list[str]:
    """The options as they are and shuffled, as many different orders as there are, at most `count`."""
    options = [str(option) for option in orders.options]
    if len(options) < 2 or orders.count < 1:
        raise InputError(_("Shuffling needs at least two options and at least one order"))
    chance = random.Random(_SEED)
    found = {orders.separator.join(options): None}
    for _attempt in range(100 * orders.count):
        if len(found) == orders.count:
            break
        found[orders.separator.join(chance.sample(options, len(options)))] = None
    return list(found)[: orders.count]


def _with_options(prompt: _Messages, order: str) -> _Messages:
    """The prompt with the options in place of `{{options}}`. Raises InputError: no such place."""
    place = "{{" + OPTIONS + "}}"
    if isinstance(prompt, str):
        if place not in prompt:
            raise InputError(
                _("The prompt has no {place} for the options").format(place=place),
                hint=_("Write {place} where the options belong.").format(place=place),
            )
        return prompt.replace(place, order)
    *before, last = prompt
    text = _with_options(_last(last), order)
    return [*before, Message("user", text if isinstance(text, str) else "")]


def _last(message: Message | Mapping[str, object]) -> str:
    """Text of the user's message that examples resemble. Raises InputError: it is something else."""
    role = message.role if isinstance(message, Message) else message.get("role")
    content = message.content if isinstance(message, Message) else message.get("content")
    if role != "user" or not isinstance(content, str):
        raise InputError(_("Examples and options need a prompt that ends with a text of the user"))
    return content


# -- examples ----------------------------------------------------------------------------------------------------------


def _examples(few_shot: FewShot) -> tuple[list[Mapping[str, object]], list[int]]:
    """The rows of the examples, and how many of them are used in turn."""
    try:
        rows: list[Mapping[str, object]] = [row.columns for row in Rows(few_shot.examples)]
    except InputError as error:
        raise InputError(_("Cannot read the examples. {error}").format(error=error.what), hint=error.hint) from None
    for number, row in enumerate(rows, 1):
        if is_missing(row.get(_ANSWER)):
            raise InputError(
                _("Example {number} has no answer").format(number=number),
                hint=_("Examples are rows with the columns of the prompt and a column answer."),
            )
    counts = list(few_shot.counts) or [len(rows)]
    wrong = next((count for count in counts if not 0 <= count <= len(rows)), None)
    if wrong is not None:
        raise InputError(
            _("There are {count} examples, not {wrong}").format(count=len(rows), wrong=wrong),
            hint=_("Use a number from 0 to {count}.").format(count=len(rows)),
        )
    return rows, counts


def _turn(prompt: _Messages, example: Mapping[str, object], namespace: Mapping[str, object]) -> Iterator[Message]:
    """A question and its answer."""
    text = prompt if isinstance(prompt, str) else _last(prompt[-1])
    aliased, aliases = template.aliased(text, tuple(example))
    known = {**namespace, **example, **{alias: example[name] for alias, name in aliases.items()}}
    body = template.expand(aliased, known)
    yield Message("user", body.text)
    yield Message("assistant", str(example[_ANSWER]))
