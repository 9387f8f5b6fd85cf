"""A request as a complete program: a template of the target, filled with literals of its language.

A template is the program as a person reads it. `@@name@@` stands for a value that `literals.py` has spelled; the lines
between `%%if flag`, `%%else` and `%%end` are for one case: `stream` or `whole`, `openai` or `anthropic`. The texts
inside a program are English: it leaves the notebook, and its readers are not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

from .. import wire
from ..errors import InputError
from ..language import _
from ..request.forms import FORMS
from ..request.messages import GATEWAY, LOCAL, Request
from ..request.settings import ROWS
from ..store.codec import has_hashed_images
from .literals import literal, text_literal
from .targets import Target, find

__all__ = ["asked_at", "checked_base_url", "export"]

# The characters of RFC 3986.
_URL = re.compile(r"[A-Za-z0-9:/?#@!$&'()*+,;=._~%\[\]-]+")

_TEMPLATES = Path(__file__).with_name("templates")

# What an SDK takes as a keyword argument; the other fields of a body go into its extra_body.
_OPENAI_ARGUMENTS = (
    "frequency_penalty logit_bias logprobs max_tokens messages model parallel_tool_calls presence_penalty"
    " response_format seed stop stream stream_options temperature tool_choice tools top_logprobs top_p"
)
# The arguments of all versions: 2.x no longer takes temperature, top_p and top_k by name.
_ANTHROPIC_ARGUMENTS = "max_tokens messages model stop_sequences stream system tool_choice tools"
_SDK_ARGUMENTS = {
    "python-openai": frozenset(_OPENAI_ARGUMENTS.split()),
    "python-anthropic": frozenset(_ANTHROPIC_ARGUMENTS.split()),
}


def export(target: str, request: Request, *, base_url: str | None = None, stream: bool = False) -> str:
    """A complete program that sends exactly `request` to `base_url` (None: where it was asked) and prints the answer.

    With `stream` it prints the answer as it arrives. The key is read from WCODE_API_KEY when the program runs.
    Raises InputError: no such target, a protocol that the target does not speak, a NUL character, not a base URL, an
    image of which only the hash is known, the embedded model without a `base_url`.
    """
    row = find(target, "program")
    _check_protocol(row, request)
    _refuse_answer_tool(request)
    _refuse_hashed_images(request)
    body = wire.encode(replace(request, stream=stream))
    _refuse_nul(body)
    base_url = checked_base_url(asked_at(request) if base_url is None else base_url)
    version = wire.headers(request.protocol).get("anthropic-version", "")
    texts = {"base_url": base_url, "url": base_url + wire.path(request.protocol), "version": version}
    values = {name: text_literal(row.language, text) for name, text in texts.items()}
    values["body"] = literal(row.language, _arguments(row, body))
    flags = {request.protocol, "stream" if stream else "whole"}
    return _fill(_cases(_template(row.name), flags), values)


def asked_at(request: Request) -> str:
    """The base URL that `request` names by itself. Raises InputError: the embedded model has none."""
    if request.endpoint == LOCAL:
        raise InputError(
            _(
                "{model} is the embedded model. Programs cannot reach it, because its address changes at every start"
            ).format(model=request.model),
            hint=_("Choose another model with --model glm-5, or a server with --base-url URL (base_url= in Python)."),
        )
    if request.endpoint != GATEWAY:
        return request.endpoint
    return str(getattr(ROWS[FORMS[request.protocol].base_url], "default", ""))


def _refuse_answer_tool(request: Request) -> None:
    """The programs print the text of an answer, not what the model calls a tool with."""
    if request.protocol == "anthropic" and wire.anthropic.answer_tool(request):
        raise InputError(
            _("In the Anthropic format the answer to a schema is a tool call, which exported programs do not print"),
            hint=_("Use --protocol openai."),
        )


def _refuse_hashed_images(request: Request) -> None:
    if has_hashed_images(request):
        raise InputError(
            _("Only the hash of an image of this request was recorded"),
            hint=_("Run the cell again, or record with --keep-images."),
        )


def _check_protocol(row: Target, request: Request) -> None:
    if request.protocol not in row.protocols:
        raise InputError(
            _("{target} uses the {other} format, but this request is in the {protocol} format").format(
                target=row.name, other=row.protocols[0], protocol=request.protocol
            ),
            hint=_("Export to another target, or send the request with --protocol {other}.").format(
                other=row.protocols[0]
            ),
        )


def _refuse_nul(body: Mapping[str, object]) -> None:
    for path, text in _texts(body, ""):
        if "\0" in text:
            raise InputError(
                _("The request contains a NUL character (U+0000) in {path}").format(
                    path=path.replace("\0", "") or "body"
                ),
                hint=_("Remove the character: C strings end there and many servers reject it."),
            )


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Each text of `value` with its place: `messages[0].content`. A key stands at the place of its object."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield path, key
            yield from _texts(item, f"{path}.{key}" if path else key)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}[{index}]")


def checked_base_url(base_url: str) -> str:
    """`base_url` without a slash at its end. Raises InputError: not http(s), or with a password in it."""
    try:
        parts = urlsplit(base_url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if good and (parts.username is not None or parts.password is not None):
        raise InputError(_("The base URL contains a user name or password and is not written into a file"))
    if not good or parts.query or parts.fragment or not _URL.fullmatch(base_url):
        raise InputError(_("Not a base URL: {url}").format(url=ascii(base_url)))
    return base_url.rstrip("/")


def _arguments(row: Target, body: dict[str, object]) -> dict[str, object]:
    known = _SDK_ARGUMENTS.get(row.name)
    extra = {name: value for name, value in body.items() if known and name not in known}
    if not extra:
        return body
    return {name: value for name, value in body.items() if name not in extra} | {"extra_body": extra}


@cache
def _template(name: str) -> str:
    return (_TEMPLATES / f"{name}.txt").read_text(encoding="utf-8")


def _cases(template: str, flags: set[str]) -> str:
    """The lines whose conditions hold."""
    holds = [True]
    kept = []
    for line in template.splitlines(keepends=True):
        match line.strip().split():
            case ["%%if", flag]:
                holds.append(flag in flags)
            case ["%%else"]:
                holds[-1] = not holds[-1]
            case ["%%end"]:
                holds.pop()
            case _ if all(holds):
                kept.append(line)
    return "".join(kept)


def _fill(template: str, values: Mapping[str, str]) -> str:
    # One pass: what a value holds is never looked at again.
    return re.sub("@@([a-z_]+)@@", lambda match: values[match[1]], template)
