"""`%wcode import`: a request of an API page, pasted or from a file, as the `%%wcode` cell that sends the same body."""

from __future__ import annotations

import urllib.parse
from typing import Any

from ... import files
from ...errors import InputError, ParameterError
from ...export.imported import Found, find_request
from ...keys import GATEWAY_ORIGIN
from ...language import _
from ...request.cell_syntax import cell_line
from ...request.forms import FORMS
from ...request.messages import Protocol
from ...request.parameters import PARAMETERS, check
from ...shell import Shell
from ..line import check_no_more, parse_command
from .command import Context
from .export import Sample

__all__ = ["import_file", "import_text"]

_LARGEST = 20 * 2**20
"""Bytes of a file that are read: a request with its images is smaller."""


def import_file(context: Context, rest: str) -> Sample:
    """The cell for the request in a file. Raises InputError."""
    words = parse_command(rest, ()).words
    check_no_more(words[1:])
    if not words:
        raise InputError(
            _("Nothing to import"), hint=_("Use %%wcode import and paste the request below it, or pass a file.")
        )
    try:
        with files.reading(files.named(words[0])) as file:
            text = file.read(_LARGEST).decode("utf-8-sig")
    except OSError as error:
        raise InputError(_("Cannot read {path}: {error}").format(path=words[0], error=error.strerror)) from None
    except UnicodeDecodeError as error:
        raise InputError(_("Cannot read {path}: {error}").format(path=words[0], error=error)) from None
    return import_text(context, text)


def import_text(context: Context, text: str) -> Sample:
    """The cells for the request in `text`, shown; a single one is also put below. Raises InputError."""
    found = find_request(text)
    notes = list(found.lost)
    if found.secret:
        _forget(context.shell, found.secret)
        notes.append(
            _("The key was left out: set it with %wcode key set, and delete it above: the notebook would keep it.")
        )
    cells = _cells(found, notes)
    if len(cells) == 1:
        context.shell.set_next_input(cells[0], replace=False)
    return Sample("\n\n".join(cells), "", tuple(notes))


def _cells(found: Found, notes: list[str]) -> list[str]:
    body = dict(found.body)
    values, own = _server(found), dict[str, object]()
    messages = [message for message in body.pop("messages") if isinstance(message, dict)]
    system = [body.pop("system", None), *(_text(m) for m in messages if m.get("role") in ("system", "developer"))]
    if any(system):
        values["system"] = "\n\n".join(text for text in map(_plain, system) if text)
    model = body.pop("model", "")
    if model in ("", "MODEL_ID"):
        notes.append(_("It contains no model. Choose one on the first line."))
    else:
        values["model"] = model
    values["stream"] = bool(body.pop("stream", False))
    body.pop("stream_options", None)
    if "stop_sequences" in body:
        body["stop"] = body.pop("stop_sequences")
    _take_parameters(body, values)
    if values["stream"]:
        del values["stream"]  # as cells do
    questions = [message for message in messages if message.get("role") == "user"]
    if any(message.get("role") in ("assistant", "tool") for message in messages):
        notes.append(_("Answers of the model in the request are not imported; each turn is sent again."))
    if not questions:
        raise InputError(_("The request has no message of the user"))
    if len(questions) > 1:
        own["chat"] = "imported"
    return [_cell(message, values, own, body, notes) for message in questions]


def _server(found: Found) -> dict[str, object]:
    """The settings that lead to the address; none for the gateway's usual ones."""
    parts = urllib.parse.urlsplit(found.url)
    anthropic = "/anthropic" in parts.path or parts.path.endswith(FORMS["anthropic"].path)
    protocol: Protocol = "anthropic" if anthropic else "openai"
    values: dict[str, object] = {"protocol": protocol} if anthropic else {}
    if parts.netloc and f"{parts.scheme}://{parts.netloc}" != GATEWAY_ORIGIN:
        form = FORMS[protocol]
        values[form.base_url] = found.url.partition("?")[0].rstrip("/").removesuffix(form.path)
    return values


def _take_parameters(body: dict[str, object], values: dict[str, object]) -> None:
    """Moves the fields that are parameters from `body` to `values`; what they would refuse stays, sent as it is."""
    for parameter in PARAMETERS:
        if parameter.name in body:
            try:
                checked = check(parameter.name, body[parameter.name])
            except ParameterError:
                continue
            if checked == body[parameter.name]:
                values[parameter.name] = checked
                del body[parameter.name]


def _cell(
    message: dict[str, object],
    values: dict[str, object],
    own: dict[str, object],
    extra: dict[str, object],
    notes: list[str],
) -> str:
    own, text = dict(own), _text(message)
    if images := _images(message, notes):
        own["image"] = images
    if "{" in text:
        own["raw"] = True
    return f"{cell_line(values, own=own, extra_body=extra)}\n{text}"


def _plain(content: object) -> str:
    return _text({"content": content}) if content else ""


def _text(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = [part for part in content or () if isinstance(part, dict)]
    return "\n".join(str(part["text"]) for part in parts if "text" in part)


def _images(message: dict[str, object], notes: list[str]) -> list[str]:
    content = message.get("content")
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    images = []
    for part in parts:
        if "text" in part:
            continue
        url = (part.get("image_url") or {}).get("url") or (part.get("source") or {}).get("url") or ""
        if url.startswith("http"):
            images.append(url)
        else:
            notes.append(_("A part of the message is not imported: {kind}").format(kind=part.get("type", "?")))
    return images


def _forget(shell: Shell, secret: str) -> None:
    """Takes the key out of IPython's history of this session, before it is written to its file."""
    history = getattr(shell, "history_manager", None)
    for name in ("input_hist_raw", "input_hist_parsed"):
        typed = getattr(history, name, None) or []
        typed[:] = [source.replace(secret, "API_KEY") for source in typed]
    for name in ("_i", "_i00"):
        if isinstance(getattr(history, name, None), str):
            setattr(history, name, getattr(history, name).replace(secret, "API_KEY"))
    for name, value in list(shell.user_ns.items()):
        if name.startswith("_i") and isinstance(value, str) and secret in value:
            shell.user_ns[name] = value.replace(secret, "API_KEY")
    cache = getattr(history, "db_input_cache", None)
    if cache:
        cache[:] = [tuple(p.replace(secret, "API_KEY") if isinstance(p, str) else p for p in row) for row in cache]
