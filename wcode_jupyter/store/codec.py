"""Spelling of a reply in a replay file: one JSON line, made to be read in a diff and merged.

A line is the JSON of the Reply with `"v"`, the version of this form, and `"order"` (see `order`). The keys of our own
structures are sorted. Those of a JSON object of the user or the server keep the order in which they were sent or
received, because a model that follows a schema writes its properties in that order. Additional fields of a line are
ignored, so that fields of a later release survive. Images are written as `sha256:<hex of the bytes>;<media
type>;<bytes>` unless the user wants them inline: the fingerprint is of the real request, so such a record still answers
it, but cannot be recomputed from the file, and therefore an edit of such a request is not noticed.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import Struct

from .. import typed, wire
from ..errors import ReplayError
from ..language import _
from ..reply import Reply
from ..request.messages import GATEWAY, Request

__all__ = ["VERSION", "Asked", "Head", "decode", "encode", "has_hashed_images", "head", "order", "without_images"]

VERSION = 1
_HASHED = "sha256:"
_FOREIGN = frozenset(("parameters", "extra_body", "raw", "detail", "details"))
"""Fields that hold JSON objects of the user or the server."""


class AskedServer(Struct, frozen=True, gc=False):
    """Whom a line was asked of."""

    endpoint: str = GATEWAY


class Head(Struct, frozen=True, gc=False):
    """The fields that the index needs; the rest of the line is passed over."""

    v: int
    fingerprint: str
    order: str = ""
    request: AskedServer = AskedServer()


class Asked(Struct, frozen=True):
    """What a line was asked, without the answer."""

    fingerprint: str
    request: Request


_head = typed.decoder(Head)


def encode(reply: Reply, *, keep_images: bool = False) -> bytes:
    """The line for `reply`, a live one, newline included. Raises ReplayError: no JSON form (NaN)."""
    value = reply.to_dict()
    if not keep_images:
        value["request"] = without_images(value["request"])
    if reply.request is not None and (found := order(reply.request)):
        value["order"] = found
    try:
        text = json.dumps(_sorted(value | {"v": VERSION}), ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise ReplayError(_("This answer cannot be recorded: {error}").format(error=error)) from None
    # A lone surrogate, which only a server's extra field can hold, has no UTF-8 form.
    return text.encode("utf-8", "replace") + b"\n"


def _sorted(value: object) -> object:
    """`value` with the keys of our own structures in order."""
    if isinstance(value, dict):
        return {key: value[key] if key in _FOREIGN else _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, (list, tuple)) else value


def order(request: Request) -> str:
    """16 hex digits that identify the order of the keys inside parameters and extra fields; "" if there is only one.

    A fingerprint ignores this order. Lines without it were written before the order was kept and match any.
    """
    values = [*(request.parameters[name] for name in sorted(request.parameters)), request.extra_body]
    if not any(map(_has_order, values)):
        return ""
    return hashlib.sha256(json.dumps(values, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()[:16]


def _has_order(value: object) -> bool:
    if isinstance(value, dict):
        return len(value) > 1 or any(map(_has_order, value.values()))
    return isinstance(value, (list, tuple)) and any(map(_has_order, value))


def head(line: bytes) -> Head:
    """Version, fingerprint and order of a line. Raises ReplayError: not JSON, not a record, of a newer version."""
    try:
        found = _head.decode(line)
    except msgspec.ValidationError:
        raise ReplayError(_("This is not a recorded answer")) from None
    except (msgspec.DecodeError, RecursionError):
        raise ReplayError(_("This is not JSON"), hint=_not_json_hint(line)) from None
    if found.v > VERSION:
        raise ReplayError(
            _(
                "This was written by a newer version of wcode_jupyter "
                "(record version {version}; this one reads {known})"
            ).format(version=found.v, known=VERSION),
            hint=_("Update wcode_jupyter, or record again."),
        )
    return found


def _not_json_hint(line: bytes) -> str:
    if line.startswith((b"<<<<<<<", b"=======", b">>>>>>>")):
        return _("This is a merge conflict marker. Keep the lines of both sides and remove the markers.")
    if line.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _("The file was saved in another encoding. Save it as UTF-8 without a byte order mark.")
    if fault := _not_utf8(line):
        return _("{fault}. Restore the file from version control, or remove that line.").format(fault=fault)
    return _("Restore the file from version control, or remove that line.")


def _not_utf8(line: bytes) -> str:
    """Which byte is not UTF-8; "" if all are."""
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return _("Byte {byte} at position {position} is not UTF-8").format(
            byte=f"0x{line[error.start]:02x}", position=error.start
        )
    return ""


def decode(line: bytes) -> Reply:
    """The recorded Reply. Raises ReplayError: there is no whole Reply, or its request was edited.

    A request is taken as edited when its fingerprint is another than the recorded one.
    """
    try:
        reply = typed.decode(line, Reply)
    except (msgspec.DecodeError, RecursionError) as error:
        why = _not_utf8(line) or error
        raise ReplayError(_("This is not a complete answer: {error}").format(error=why)) from None
    if reply.request is None:
        raise ReplayError(_("This record contains no request"))
    if not reply.choices:
        raise ReplayError(_("This record contains no answer"))
    if _HASHED.encode() not in line or not has_hashed_images(reply.request):
        _check(reply.request, reply.fingerprint)
    return reply


def _check(request: Request, fingerprint: str) -> None:
    if wire.fingerprint(request) != fingerprint:
        raise ReplayError(
            _("This was edited: the request no longer matches its fingerprint"),
            hint=_("Restore it from version control, or record it again."),
        )


def has_hashed_images(request: Request) -> bool:
    """Whether images of `request` are known by hash only, so that it can neither be checked nor asked again."""
    return any(url.startswith(_HASHED) for url in _urls(request.to_dict()))


def without_images(value: object) -> Any:
    """A copy of plain JSON data in which every `"url": "data:…"` is replaced by hash, media type and size."""
    if isinstance(value, dict):
        return {
            key: _hashed(item) if key == "url" and isinstance(item, str) else without_images(item)
            for key, item in value.items()
        }
    return [without_images(item) for item in value] if isinstance(value, (list, tuple)) else value


def _hashed(url: str) -> str:
    if not url.startswith("data:"):
        return url
    header, _comma, data = url[len("data:") :].partition(",")
    media_type, _semicolon, _encoding = header.partition(";")
    try:
        content = base64.b64decode(data) if header.endswith(";base64") else unquote_to_bytes(data)
    except binascii.Error:
        content = data.encode()
    return f"{_HASHED}{hashlib.sha256(content).hexdigest()};{media_type};{len(content)}"


def _urls(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "url" and isinstance(item, str):
                yield item
            else:
                yield from _urls(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _urls(item)
