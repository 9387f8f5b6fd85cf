"""`%wcode export`: a request as a program, a model as a tool's configuration, this notebook as a script.

A key goes into a file only, and only when asked for: what is shown here is saved with the notebook.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ... import files
from ...characters import escape, visible
from ...display.answer import wrap
from ...display.renderer import code_block
from ...errors import InputError, KeyMissing, OptionError
from ...export import (
    KEY_STEPS,
    TARGETS,
    Kind,
    Target,
    ToolConfig,
    asked_at,
    export,
    export_notebook,
    export_tool,
    find,
    write_tool,
)
from ...export.tool_files import MOVED_BY
from ...keys import Secret
from ...language import N_, _
from ...reply import PendingReply, Reply
from ...request.forms import DEFAULT_PROTOCOL, FORMS
from ...request.messages import LOCAL, Protocol, Request
from ...request.parameters import did_you_mean
from ...session import Session
from ...table import Table
from ...transport import Endpoint, endpoint
from ..line import CommandLine, parse_command
from ..options import CellOption
from ..script import cells_of
from .command import Context
from .site import SITE_OPTIONS, export_site

__all__ = ["EXPORT_OPTIONS", "EXPORT_WORDS", "Sample", "requests_in", "run_export"]

_SOURCE = (
    CellOption(name="last", arity="flag", help=N_("The latest request (default).")),
    CellOption(
        name="from",
        metavar="NAME",
        help=N_("The request of this variable: a Reply, or a request stored with --dry-run -o NAME."),
    ),
    CellOption(name="chat", metavar="NAME", help=N_("The latest request of this chat.")),
    CellOption(name="model", short="-m", metavar="MODEL", help=N_("Use a different model.")),
    CellOption(name="base_url", metavar="URL", help=N_("Use a different server.")),
)
_RESULT = (
    CellOption(name="output", short="-o", metavar="NAME", help=N_("Store the text in this variable and show nothing.")),
    CellOption(
        name="write", metavar="[PATH]", arity="optional",
        help=N_("Write to this file, or to the target's own file. A tool's file is merged, not replaced."),
    ),
    CellOption(name="force", arity="flag", help=N_("Overwrite an existing file.")),
)  # fmt: skip
_PROGRAM = (*_SOURCE, *_RESULT, CellOption(name="stream", arity="flag", help=N_("Print the answer while it arrives.")))
_TOOL = (
    *_SOURCE,
    *_RESULT,
    CellOption(name="with_key", arity="flag", help=N_("With --write: store the key itself in the file.")),
)
EXPORT_OPTIONS = tuple({option.name: option for option in (*SITE_OPTIONS, *_PROGRAM, *_TOOL)}.values())
"""All of them; which ones a target takes depends on its kind."""

# The notebook itself is exported like a program, but from its cells and not from one request.
_SCRIPT = Target(
    name="notebook",
    kind="program",
    title=N_("this notebook"),
    language="python",
    file_name="notebook.py",
    needs="wcode_jupyter",
    run="python notebook.py",
)
_SITE = Target(
    name="site",
    kind="program",
    title=N_("this notebook as a web page that runs in a browser"),
    language="html",
    file_name="site",
    needs="wcode_jupyter[site]",
    run="python -m http.server --bind 127.0.0.1 --directory site",
)
EXPORT_WORDS = (*TARGETS, _SCRIPT.name, _SITE.name)
"""What may follow `%wcode export`."""

# A script finds the environment again, but not what was set in the notebook.
_TYPED = ("%wcode set", "%config")
_LANGUAGES = {"json": "json", "yaml": "yaml", "shell": "bash"}


class Sample(Struct, frozen=True):
    """A text to take along. `str()` and `text/plain` are the text itself, with `notes` below it where there are any."""

    text: str
    language: str = ""
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join([self.text, *self.notes]) if self.notes else self.text

    def __repr__(self) -> str:
        return visible(str(self))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))  # IPython's own way with a repr loses the newline at the end

    def _repr_html_(self) -> str:

        notes = "".join(f'<div class="wcode-status">{escape(note)}</div>' for note in self.notes)
        return wrap(code_block(self.text, self.language) + notes)


def run_export(context: Context, rest: str) -> Sample | Table | None:
    """The table of targets; or one target's text, shown, bound or written."""
    word, _space, rest = rest.partition(" ")
    if not word:
        return _targets()
    if word == _SCRIPT.name:
        return _script(context, rest)
    if word == _SITE.name:
        export_site(context, rest)
        return None
    try:
        row = find(word)
    except OptionError as error:
        raise OptionError(error.what, hint=did_you_mean(word, EXPORT_WORDS) or error.hint) from None
    return _KINDS[row.kind](context, row, rest)


def _targets() -> Table:
    return Table(
        columns=(_("target"), _("for"), _("needs"), _("file"), _("then")),
        rows=tuple(
            (row.name, _(row.title), _(row.needs), row.file_name, row.run.format(model="wcode/MODEL"))
            for row in (*TARGETS.values(), _SCRIPT, _SITE)
        ),
        note=_(
            "%wcode export TARGET shows the latest request as that program, or its model as the "
            "configuration of that tool."
        ),
    )


# -- programs -----------------------------------------------------------------------------------------------------


def _program(context: Context, row: Target, rest: str) -> Sample | None:
    line = _parsed(rest, _PROGRAM)
    session = context.client.session
    if (request := _request(context, line)) is None:
        raise InputError(_("No reply in this session yet"), hint=_("Send a request first, or choose one: --from NAME."))
    request = _aimed(session, request, line.text("model"), request.protocol)
    url = line.text("base_url") or _address(session, request)
    text = export(row.name, request, base_url=url, stream=line.flag("stream"))
    return _deliver(context, row, line, text)


def _deliver(context: Context, row: Target, line: CommandLine, text: str) -> Sample | None:
    """Binds and writes the text as `line` says; shows it when it says neither."""
    if name := line.text("output"):
        context.shell.push({name: text})
    if "write" in line.options:
        _write(row, line, text)
    return None if {"output", "write"} & line.options.keys() else Sample(text, row.language)


def _write(row: Target, line: CommandLine, text: str, *, private: bool = False) -> None:
    if not (name := line.text("write") or row.file_name):
        raise OptionError(_("--write needs a path here"))
    path = files.named(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if line.flag("force"):
            files.write(path, text.encode(), mode=0o600 if private else None)
        else:
            files.create(path, text.encode(), mode=0o600 if private else 0o666)
    except FileExistsError:
        raise InputError(_("{path} already exists").format(path=name), hint=_("Use --force to overwrite it.")) from None
    except OSError as error:
        raise InputError(_("Cannot write {path}: {error}").format(path=name, error=error.strerror)) from None
    print(_("Wrote {path}.").format(path=name))
    if row.run:
        print(_("Run: {command}").format(command=row.run.replace(row.file_name, shlex.quote(name))))


# -- tools --------------------------------------------------------------------------------------------------------


def _tool(context: Context, row: Target, rest: str) -> Sample | Table | None:
    line = _parsed(rest, _TOOL)
    config = _configuration(context.client.session, row, line, _request(context, line))
    if name := line.text("output"):
        context.shell.push({name: replace(config, key=None).text})
    if "write" in line.options:
        _put_in_place(config, line)
        return None
    return None if name else _shown(config)


def _configuration(session: Session, row: Target, line: CommandLine, request: Request | None) -> ToolConfig:
    request = _aimed(session, request or _unasked(session), line.text("model"), row.protocols[0])
    if not request.model:
        raise InputError(_("No model selected"), hint=_("Send a request first, or choose a model: --model glm-5."))
    url = line.text("base_url") or _address(session, request)
    make = partial(
        export_tool, row.name, model=session.catalogue.model(request.model), base_url=url, anthropic_base_url=url
    )
    config = make()
    return make(key=_key(session, config, line, url)) if line.flag("with_key") else config


def _key(session: Session, config: ToolConfig, line: CommandLine, url: str) -> Secret:
    if "write" not in line.options:
        raise OptionError(_("--with-key needs --write, because a key that is shown would be saved with the notebook"))
    if not config.key_reference:
        raise InputError(_("{target} stores keys itself").format(target=config.target.name))
    where = endpoint(url)
    if (key := session.keys.find(where.origin)) is None:
        raise KeyMissing(_("No API key for {host}").format(host=where.host), hint=_("Set it with %wcode key set."))
    return key


def _shown(config: ToolConfig) -> Sample | Table:
    if config.form == "form":
        return Table(columns=(_("field"), _("value")), rows=tuple(config.fields.items()), note=" ".join(config.steps))
    merge = (_("Use --write to merge it into {path}.").format(path=_named(config.path)),) if config.path else ()
    return Sample(config.text.rstrip("\n"), _LANGUAGES[config.form], (*merge, *config.steps))


def _put_in_place(config: ToolConfig, line: CommandLine) -> None:
    if config.form == "shell":
        _write(config.target, line, config.text, private=config.key is not None)
        kept_key = False
    else:
        kept_key = _merge(config, line.text("write") or "")
    for step in config.steps:
        if not kept_key or step not in [_(text) for text in KEY_STEPS]:
            print(step)


def _named(path: Path) -> str:
    """By the environment variable that moved it, else with ~ where it can be: the same words on every machine."""
    for variable in MOVED_BY:
        folder = os.environ.get(variable, "").strip()
        if folder and path.is_relative_to(folder):
            return f"${variable}/{path.relative_to(folder).as_posix()}"
    try:
        return f"~/{path.relative_to(Path.home()).as_posix()}"
    except ValueError:
        return str(path)


def _merge(config: ToolConfig, path: str) -> bool:
    """Whether the file keeps a key of its own."""
    if name := path or (_named(config.path) if config.path else ""):
        print(_("The file of {target}: {path}").format(target=config.target.title, path=name))
    done = write_tool(config, Path(path) if path else None)
    if not done.changed:
        print(_("The file already contains these settings; nothing was changed."))
    elif done.backup is None:
        print(_("Written."))
    else:
        print(_("Merged. The previous version is in {backup}.").format(backup=done.backup.name))
    for text in done.replaced:
        print(_("Replaced: {what}").format(what=text))
    if done.kept_key:
        print(_("The file keeps its own key for this server."))
    return done.kept_key


# -- the notebook -------------------------------------------------------------------------------------------------


def _script(context: Context, rest: str) -> Sample | None:
    line = parse_command(rest, _RESULT)
    if len(line.words) > 1 or (line.words and "write" in line.options):
        raise OptionError(_("Unexpected word {word}").format(word=line.words[-1]))
    if line.words:
        line = CommandLine((), {**line.options, "write": line.words[0]})
    session = context.client.session
    values = session.values()
    urls = {name: values[name].value for name in ("base_url", "anthropic_base_url") if values[name].source in _TYPED}
    return _deliver(context, _SCRIPT, line, export_notebook(cells_of(context.shell, session), **urls))


# -- which request, and where ---------------------------------------------------------------------------------------


def _parsed(rest: str, options: tuple[CellOption, ...]) -> CommandLine:
    line = parse_command(rest, options)
    if line.words:
        raise OptionError(
            _("Unexpected word {word}").format(word=line.words[0]), hint=_("%wcode help shows the usage.")
        )
    return line


def _request(context: Context, line: CommandLine) -> Request | None:
    """The request that `line` means; None when nothing was asked yet. Raises InputError."""
    if len({"last", "from", "chat"} & line.options.keys()) > 1:
        raise OptionError(_("Use only one of --last, --from and --chat"))
    if name := line.text("from"):
        return _of_variable(context, name)
    if name := line.text("chat"):
        turns = context.client.session.chats.get(name).turns
        return turns[-1].reply.request if turns else None
    last = context.client.session.last
    return last.request if last else None


def _of_variable(context: Context, name: str) -> Request:
    namespace = context.shell.user_ns
    if name not in namespace:
        hint = did_you_mean(name, requests_in(namespace)) or _("Store a reply in a variable with -o NAME.")
        raise InputError(_("Variable not found: {name}").format(name=name), hint=hint)
    value = namespace[name]
    if isinstance(value, PendingReply):
        value = value.reply
    request = value.request if isinstance(value, Reply) else value
    if not isinstance(request, Request):
        raise InputError(_("{name} is neither a Reply nor a request").format(name=name))
    return request


def requests_in(namespace: Mapping[str, object]) -> list[str]:
    """The variables that `--from` takes."""
    return [
        name for name, value in namespace.items() if isinstance(value, (Reply, Request)) and not name.startswith("_")
    ]


def _unasked(session: Session) -> Request:
    """A request that only names the model in force, for tools; its model is "" when there is none."""
    value = session.values().get("model")
    model = session.catalogue.resolve(value.value) if value else ""
    return Request(model=model, messages=(), endpoint=_server(session, DEFAULT_PROTOCOL).identity)


def _aimed(session: Session, request: Request, word: str | None, protocol: Protocol) -> Request:
    """`request` for the model that `word` names, in the form `protocol`, at a server that has it."""
    model = session.catalogue.resolve(word) if word else request.model
    if model.partition(":")[0] == LOCAL:
        return replace(request, model=model, protocol=protocol, endpoint=LOCAL)
    stays = request.endpoint != LOCAL and request.protocol == protocol
    where = request.endpoint if stays else _server(session, protocol).identity
    return replace(request, model=model, protocol=protocol, endpoint=where)


def _address(session: Session, request: Request) -> str:
    """Where `request` was asked: the gateway by the address in force, whose path may be the user's."""
    where = _server(session, request.protocol)
    return where.base_url if where.identity == request.endpoint else asked_at(request)


def _server(session: Session, protocol: Protocol) -> Endpoint:
    name = FORMS[protocol].base_url
    return endpoint(session.values()[name].value, protocol)


_KINDS: dict[Kind, Callable[[Context, Target, str], Sample | Table | None]] = {"program": _program, "tool": _tool}
