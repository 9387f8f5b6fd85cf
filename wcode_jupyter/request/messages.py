"""What do I say: messages, their parts, and the frozen request that the wire spells out.

A Request holds what the user said and nothing else: no key, no header, no address of a machine. What the server will
read is `wire.encode(request)`; what identifies it is `wire.fingerprint(request)`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct, field

from .. import typed
from ..errors import InputError
from ..language import _

__all__ = [
    "GATEWAY",
    "LOCAL",
    "STAND_IN_PATH",
    "Image",
    "Message",
    "Part",
    "Protocol",
    "Reasoning",
    "Request",
    "Role",
    "Text",
    "ToolCall",
    "canonical_json",
    "exact_value",
    "has_long_number",
    "json_value",
    "prompt_text",
    "to_messages",
    "valid_text",
]

Protocol: TypeAlias = Literal["openai", "anthropic"]
Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]

GATEWAY = "gateway"
"""Endpoint identity of wcode.net itself, in either protocol."""
LOCAL = "local"
"""Endpoint identity of the embedded model, whatever its port."""
STAND_IN_PATH = "/stand-in"
"""Where the paths of a scripted server of this machine begin; its port, new at each start, is in no identity."""


class Text(Struct, frozen=True, tag="text"):
    """A text part."""

    text: str


class Image(Struct, frozen=True, tag="image", omit_defaults=True):
    """An image part. `url` is `data:image/png;base64,…` or an https address; `detail` is OpenAI's auto, low or high."""

    url: str
    detail: str | None = None


Part: TypeAlias = Text | Image


class ToolCall(Struct, frozen=True, omit_defaults=True):
    """A call that the model asks for. `arguments` is the JSON text as it arrived; it may be broken."""

    id: str
    name: str
    arguments: str = ""

    def parsed(self) -> Any:
        """The arguments as a value; `{}` when the model sent none. Raises what `json_value` does."""
        return json_value(self.arguments) if self.arguments.strip() else {}


class Reasoning(Struct, frozen=True, omit_defaults=True):
    """Reasoning to give back inside a tool loop, unchanged: under the field it came in, or with its signature.

    `detail` is an entry of `reasoning_details`, whose text stands in a piece before it.
    """

    text: str
    field: str = "reasoning"
    signature: str = ""
    detail: dict[str, Any] | None = None


class Message(Struct, frozen=True, omit_defaults=True):
    """One message of the conversation. `content` is a text, or a tuple of parts when images are among them."""

    role: Role
    content: str | tuple[Part, ...] = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    reasoning: tuple[Reasoning, ...] = ()

    @property
    def text(self) -> str:
        """All text of the message, images left out."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content if isinstance(part, Text))


class Request(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that decides the answer. Its dicts are copies: treat them as read-only."""

    model: str
    messages: tuple[Message, ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    """Checked values by wire name; only what was set."""
    extra_body: dict[str, Any] = field(default_factory=dict)
    """Fields outside the table, sent as they are; they win over everything else."""
    protocol: Protocol = "openai"
    stream: bool = True
    endpoint: str = GATEWAY
    """Identity of the server for the fingerprint: `gateway`, `local`, or the base URL's origin and path."""
    default_max_tokens: int | None = None
    """Anthropic form, which has to name a limit: what is sent where the user set none; None: the form's usual one."""
    thinking_opened: bool = False
    """How to read the answer, not part of the body: it begins inside the reasoning, and only `</think>` arrives."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        result: dict[str, Any] = msgspec.to_builtins(self)
        return result

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Request:
        """The inverse of `to_dict`; unknown fields are ignored. Raises msgspec.ValidationError."""
        return typed.convert(dict(value), cls)


def to_messages(
    prompt: str | Iterable[Message | Mapping[str, Any]], *, system: str | None = None
) -> tuple[Message, ...]:
    """Messages from a prompt text, or from Messages and `{"role", "content"}` mappings; `system` goes first.

    Raises InputError: nothing to say, or not a message.
    """
    head = (Message("system", system),) if system else ()
    if isinstance(prompt, str):
        body: tuple[Message, ...] = (Message("user", prompt),)
    elif isinstance(prompt, Iterable) and not isinstance(prompt, Mapping):
        body = tuple(_to_message(item) for item in prompt)
    else:
        raise _no_message(prompt)
    if not body:
        raise InputError(_("There is no message to send"))
    if body[-1].role == "user" and _is_blank(body[-1].content):
        raise InputError(
            _("There is no text to send"),
            hint=_(
                "The prompt goes below the %%wcode line, or in one line: %wcode ask TEXT. In Python: Client.ask(TEXT)."
            ),
        )
    return tuple(_with_valid_text(message) for message in head + body)


def _to_message(item: Message | Mapping[str, Any]) -> Message:
    if isinstance(item, Message):
        return item
    if not isinstance(item, Mapping):
        raise _no_message(item)
    if unknown := sorted(map(str, item.keys() - set(Message.__struct_fields__))):
        raise InputError(_("Not a message: {error}").format(error=", ".join(unknown)))
    try:
        return typed.convert(dict(item), Message)
    except msgspec.ValidationError as error:
        raise InputError(_("Not a message: {error}").format(error=error)) from None


def _no_message(value: object) -> InputError:
    return InputError(
        _("Not a message: {error}").format(error=type(value).__name__),
        hint=_("A prompt is a string, or a list of messages with role and content."),
    )


def _is_blank(content: str | tuple[Part, ...]) -> bool:
    return not (content.strip() if isinstance(content, str) else content)


def _with_valid_text(message: Message) -> Message:
    # A lone surrogate (from a broken paste) cannot be written as UTF-8: say where, before anything is sent.
    try:
        message.text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            _("The {role} text contains an invalid character at position {position}").format(
                role=message.role, position=error.start
            )
        ) from None
    return message


def prompt_text(messages: Iterable[Message]) -> str:
    """The text of all messages, joined by newlines."""
    return "\n".join(message.text for message in messages)


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is not JSON")


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"{text} is too large a number")
    return number


def _exact(text: str) -> float | msgspec.Raw:
    number = _finite(text)
    return number if Decimal(repr(number)) == Decimal(text) else msgspec.Raw(text.encode())


_DECODER = json.JSONDecoder(strict=False, parse_constant=_no_number, parse_float=_finite)
_EXACT_DECODER = json.JSONDecoder(strict=False, parse_constant=_no_number, parse_float=_exact)
_LONG_NUMBER = re.compile(r"[0-9.]{17}")
"""What a number looks like that may have more digits than a float holds."""


def has_long_number(text: str) -> bool:
    """Whether a float may lose digits of a number in `text`."""
    return _LONG_NUMBER.search(text) is not None


def exact_value(text: str) -> Any:
    """As `json_value`, with a `msgspec.Raw` for each number of which a float would lose digits."""
    return json_value(text) if r"\ud" in text.lower() else _EXACT_DECODER.decode(text)


def json_value(text: str) -> Any:
    """The value of JSON that a model wrote: raw control characters are let through, halves of characters replaced.

    Raises ValueError, RecursionError: not JSON, or nested too deep.
    """
    value = _DECODER.decode(text)
    if r"\ud" not in text.lower():
        return value
    return json.loads(valid_text(json.dumps(value, ensure_ascii=False)))


def valid_text(text: str) -> str:
    """`text` with halves of characters (surrogates) joined, or U+FFFD where one stands alone: fit to be encoded."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def canonical_json(value: Any) -> bytes:
    """The one spelling of a JSON value: sorted keys, no white space, UTF-8, no NaN. Raises ValueError."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
