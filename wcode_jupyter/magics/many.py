"""A `%%wcode` cell over many: rows (`--each`), several `-m`, `--sweep`, `--repeat`.

Up to four answers without rows are a comparison: asked like any other cell, they stream side by side. Everything else
is a run (see `batch`): estimated, confirmed where it is dear, shown as a bar and a table, kept in a run file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from .. import files
from ..batch.engines import ENGINES
from ..batch.job_state import typed
from ..characters import escape, visible
from ..client import Client
from ..display import FORMATS
from ..display.columns import MOST_COLUMNS, Columns
from ..display.columns import comparison as side_by_side
from ..display.own_outputs import OwnOutputs
from ..errors import AnswerInterrupted, InputError, OptionError, RunError, UndefinedReference, WcodeError
from ..event_loop import Stream
from ..language import _, language, speaking
from ..reply import Reply, fault_of
from ..request.parameters import did_you_mean
from ..shell import can_ask, is_watched
from .cell_schema import format_in, retries_of, schema_of
from .dry_run import describe_call
from .livetable import LiveTable
from .options import CellLine

if TYPE_CHECKING:
    from ..batch import BatchRun, Replies
    from ..batch.plan import Task
    from ..event_loop import Stream
    from ..shell import Shell

__all__ = ["ask_many", "check_alone", "is_many"]

_MAKE_MANY = ("each", "prompts", "few_shot", "options", "models", "sweep", "repeat")
_ONLY_IN_MANY = ("engine", "key", "shots", "orders", "score", "seeds", "run_file", "stop_on_error", "yes")
_NOT_IN_MANY = (
    "chat", "trim", "keep_failed", "tools", "image", "resize", "allow_outside", "insert", "above", "outputs",
)  # fmt: skip
_ENGINE_NAMES = tuple(engine.name for engine in ENGINES)
_NEEDS = {"key": "each", "seeds": "repeat", "shots": "few_shot", "orders": "options"}
_PLACE = "{{prompt}}"
_OF_RUNS = ("concurrency", "rpm", "tpm", "max_cost", "confirm_above_cny")
"""Settings that only a run keeps."""


def is_many(options: CellLine) -> bool:
    """Whether the cell asks more than once."""
    return any(name in options.own for name in _MAKE_MANY)


def check_alone(options: CellLine) -> None:
    """Raises OptionError for an option that means nothing in a cell that asks once."""
    for name in _ONLY_IN_MANY:
        if name in options.own:
            raise OptionError(_("{option} needs --each, --sweep, --repeat or several -m").format(option=_option(name)))


def ask_many(shell: Shell, client: Client, options: CellLine, text: str) -> None:
    """Asks, shows and binds. Raises WcodeError, after what arrived is shown and bound."""
    for name in _NOT_IN_MANY:
        if name in options.own:
            raise OptionError(
                _("{option} cannot be combined with --each, --sweep, --repeat or several -m").format(
                    option=_option(name)
                ),
                hint=_("Use client.ask(…, tools=…) for each row.") if name == "tools" else "",
            )
    for name, needs in _NEEDS.items():
        if name in options.own and needs not in options.own:
            raise OptionError(_("{option} needs {other}").format(option=_option(name), other=_option(needs)))
    score = _score(shell, options)
    run = _run(shell, client, options, text)
    if options.flag("dry_run"):
        print(visible(_dry_run(client, run)))
        return
    own = OwnOutputs(shell.display_pub)
    if _is_comparison(run, options) and not _needs_a_run(options):
        replies, error = _compared(shell, client, run, options, own)
    else:
        replies, error = _carried_out(shell, client, run, options, own)
    if score is not None:
        replies = replies.score(score)
    if options.output is not None:
        shell.push({options.output: replies})
    _show(own, client, options, replies, run, comparison=_is_comparison(run, options))
    if error := error or _all_failed(replies):
        raise error


# -- from words to a run ---------------------------------------------------------------------------------------------


def _run(shell: Shell, client: Client, options: CellLine, text: str) -> BatchRun:
    rows = [{}] if "each" not in options.own else _variable(shell, options, "each")
    values = dict(options.values)
    model = options.own.get("models") or values.pop("model", None)
    values.pop("model", None)
    arguments: dict[str, Any] = {
        "model": model,
        "sweep": _sweep(shell, options),
        "repeat": _repeat(options),
        "seeds": options.flag("seeds"),
        "key": options.own.get("key"),
        "stop_on_error": options.flag("stop_on_error"),
        "variables": shell.user_ns,
        "raw": options.flag("raw"),
        "engine": _engine(shell, options),
        "schema": schema_of(options, shell.user_ns),
        "retries_schema": retries_of(options),
        "few_shot": _variable(shell, options, "few_shot") if "few_shot" in options.own else None,
        "shots": [_count("shots", text) for text in options.own.get("shots", "").split(",") if text.strip()],
        "options": _options(shell, options),
        "orders": _count("orders", options.own.get("orders", "1")),
        "extra_body": options.extra_body,
        **values,
    }
    prompt = _prompt(shell, options, text.removesuffix("\n"))
    run = client.run(prompt, rows, **arguments)
    if (file := _run_file(client, options, run)) is not None:
        run = client.run(prompt, run.plan.rows, run_file=file, **arguments)
    return run


def _prompt(shell: Shell, options: CellLine, text: str) -> str | dict[str, str]:
    """The cell's text; with `--prompts`, by name, with each of the prompts in place of `{{prompt}}`."""
    if "prompts" not in options.own:
        return text
    found = _variable(shell, options, "prompts")
    if not isinstance(found, Mapping) or not all(isinstance(one, str) for one in found.values()):
        raise OptionError(
            _("--prompts {name} must be a dict of prompts by name").format(name=options.own["prompts"]),
            hint='{"terse": "…", "polite": "…"}',
        )
    if _PLACE not in text:
        raise OptionError(
            _("The cell has no {place} for the prompts").format(place=_PLACE),
            hint=_("Write {place} where the text of each prompt belongs.").format(place=_PLACE),
        )
    return {str(name): text.replace(_PLACE, one) for name, one in found.items()}


def _run_file(client: Client, options: CellLine, run: BatchRun) -> Path | None:
    """Where the answers are kept: a cell with rows has a file of its own beside the notebook."""
    if (named := options.own.get("run_file")) is not None:
        return client.home / files.named(named)
    if "each" not in options.own:
        return None
    return client.run_path(options.output, run.plan.fingerprint)


def _variable(shell: Shell, options: CellLine, option: str) -> Any:
    name = options.own[option]
    if name not in shell.user_ns:
        raise UndefinedReference(
            _("{option} {name}: variable not found").format(option=_option(option), name=name),
            hint=did_you_mean(name, [known for known in shell.user_ns if not known.startswith("_")]),
        )
    return shell.user_ns[name]


def _engine(shell: Shell, options: CellLine) -> object:
    """The client in the variable named; an engine's own name, or the word itself where there is no such variable."""
    name = options.own.get("engine")
    return name if name is None or name in _ENGINE_NAMES else shell.user_ns.get(name, name)


def _score(shell: Shell, options: CellLine) -> Callable[[Reply, Mapping[str, object]], object] | None:
    if "score" not in options.own:
        return None
    function = _variable(shell, options, "score")
    if not callable(function):
        raise OptionError(
            _("--score {name} is not a function").format(name=options.own["score"]),
            hint=_("It takes the reply and its row, and returns a number, a bool or a dict of these."),
        )
    return function  # type: ignore[no-any-return]


def _sweep(shell: Shell, options: CellLine) -> dict[str, list[object]]:
    sweep: dict[str, list[object]] = {}
    for text in options.own.get("sweep", []):
        name, equals, values = text.partition("=")
        name = name.strip().lstrip("-").replace("-", "_")
        if not equals or name in sweep:
            what = _("--sweep {text}: expected NAME=VALUE,VALUE,…, each name once")
            raise OptionError(what.format(text=text))
        found = shell.user_ns.get(values.strip())
        if isinstance(found, Iterable) and not isinstance(found, (str, bytes, Mapping, type)):
            sweep[name] = list(found)
        else:
            sweep[name] = _list(values)
    return sweep


def _list(text: str) -> list[object]:
    """A JSON list, or texts between commas."""
    if text.startswith("["):
        try:
            found = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            raise OptionError(
                _("--sweep: not a JSON list: {text}").format(text=text),
                hint=_("Put JSON in single quotes."),
            ) from None
        return found if isinstance(found, list) else [found]
    return [value.strip() for value in text.split(",") if value.strip()]


def _options(shell: Shell, options: CellLine) -> list[str]:
    """The list in the variable named; else the texts between commas."""
    text = options.own.get("options", "")
    found = shell.user_ns.get(text.strip())
    return [str(one) for one in found] if isinstance(found, (list, tuple)) else _texts(text)


def _texts(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _count(name: str, text: str) -> int:
    if not text.strip().isdecimal():
        what = _("--{name} must be a whole number, got {text}")
        raise OptionError(what.format(name=name, text=text))
    return int(text)


def _repeat(options: CellLine) -> int:
    text = options.own.get("repeat", "1")
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise OptionError(_("--repeat must be an integer of at least 1, got {text}").format(text=text))
    return int(text)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


# -- a comparison ----------------------------------------------------------------------------------------------------


def _is_comparison(run: BatchRun, options: CellLine) -> bool:
    count = run.plan.count
    return "each" not in options.own and count is not None and count <= MOST_COLUMNS


def _needs_a_run(options: CellLine) -> bool:
    """Whether the cell wants what only a run does: a file, other workers, limits, a budget of its own, asking again."""
    return any(
        name in options.own for name in ("run_file", "engine", "retries_schema", "stop_on_error", "anew")
    ) or any(name in options.values for name in _OF_RUNS)


def _compared(
    shell: Shell, client: Client, run: BatchRun, options: CellLine, own: OwnOutputs
) -> tuple[Replies, WcodeError | None]:
    from ..batch import Replies, RunLine

    tasks = list(run.plan)
    streams = [(task.job.label, _start(client, run, task)) for task in tasks]
    live = is_watched() and hasattr(shell, "kernel") and not options.flag("quiet")
    columns = Columns(streams, own if live else None, _format(client, options))
    answers = columns.pump()
    schema = run.plan.schema
    lines = [typed(RunLine(task.job, reply), schema) for task, reply in zip(tasks, answers, strict=True)]
    replies = Replies.of(lines, run.plan.fingerprint, schema, run.plan.account)
    interrupted = any(reply.ended == "interrupted" for reply in answers)
    error = AnswerInterrupted(_("Interrupted"), hint=_("Everything received so far is kept.")) if interrupted else None
    return replies, error


def _start(client: Client, run: BatchRun, task: Task) -> Stream:
    """An answer on its way; one that cannot be asked is a failed answer, and the others go on."""
    if task.error is not None:
        raise task.error
    call = run.plan.call(task)
    try:
        return client.start(call)
    except WcodeError as error:
        return Stream.of(Reply(request=call.request, ended="failed", fault=fault_of(error), model=call.request.model))


# -- a run -----------------------------------------------------------------------------------------------------------


def _carried_out(
    shell: Shell, client: Client, run: BatchRun, options: CellLine, own: OwnOutputs
) -> tuple[Replies, WcodeError | None]:
    from ..batch.progress import watch

    kept = run.open(resume=False if options.flag("anew") else None)
    try:
        own.adopt(_confirm(client, run, options, kept))
    except BaseException:
        run.close()
        raise
    live = LiveTable(own if hasattr(shell, "kernel") else None, run)
    try:
        run.start(client.event_loop)
        watch(run, quiet=options.flag("quiet"), also=live.show, displayed=lambda: own.adopt(1))
    except KeyboardInterrupt:
        run.cancel()
        run.wait()
    return run.replies, run.error


def _confirm(client: Client, run: BatchRun, options: CellLine, kept: int) -> int:
    """Shows what the run may cost where somebody watches, and asks above the limit; the outputs that it made.

    Raises InputError: not wanted.
    """
    from ..batch import estimate

    if run.plan.calls[0].replay == "replay":
        return 0
    limit = client.session.values(options.values)["confirm_above_cny"].value
    cost = estimate(run.plan, kept)
    watched = is_watched()
    # What may be unintended, and a budget that cannot hold, before anything is paid; the output says it again.
    said = [visible(notice) for notice in (*run.plan.notices, *run.notices)] if watched else []
    if watched and not options.flag("quiet"):
        said.append(_("About to send {estimate}").format(estimate=cost))
    if printed := bool(said):
        # One write: between two the kernel may send the first alone.
        print("\n".join(said) + "\n", end="")
    if cost.cny is None or cost.cny <= limit or options.flag("yes"):
        return int(printed)
    hint = _("Pass --yes or raise confirm_above_cny (¥{limit}).").format(limit=limit)
    what = _("Nothing was sent: {estimate}").format(estimate=cost)
    if not can_ask():
        raise InputError(what, hint=hint)
    if "engine" not in options.own:
        # A question about money is idle where nothing can be asked.
        for call in run.plan.calls:
            client.check(call)
    answer = input(_("{estimate}. Continue? [y/N] ").format(estimate=cost))
    if answer.strip().lower() not in ("y", "yes", "是"):
        raise InputError(what, hint=hint)
    return int(printed)


# -- what stays ------------------------------------------------------------------------------------------------------


def _show(
    own: OwnOutputs, client: Client, options: CellLine, replies: Replies, run: BatchRun, *, comparison: bool
) -> None:
    """The one output: a pure function of the replies and the format, in the language of the recording."""
    if not len(replies):
        return
    recorded = next((reply.language for reply in replies if reply.asked_at), language())
    with speaking(recorded):
        data = _data(client, options, replies, run, comparison=comparison)
    own.end(data, {"wcode": {"run": _facts(replies, run)}})


def _data(client: Client, options: CellLine, replies: Replies, run: BatchRun, *, comparison: bool) -> dict[str, object]:
    if comparison:
        labels = [line.job.label for line in replies.lines()]
        return side_by_side(
            labels, list(replies), _format(client, options), [str(scored) for scored in replies.scores()]
        )
    return _tables(replies, [*run.plan.notices, *run.notices], quiet=options.flag("quiet"))


def _tables(replies: Replies, notices: list[str], *, quiet: bool) -> dict[str, object]:
    summary = replies.summary()
    if quiet:
        return {"text/html": summary._repr_html_(), "text/plain": repr(summary)}
    shown = replies.table()
    reasons = [replies.reasons()] if len(replies.failed) else []
    html = "".join(f"<p>{escape(notice)}</p>" for notice in notices)
    # Answers first, then what went wrong, then the figures.
    html += shown._repr_html_() + "".join(table._repr_html_() for table in reasons) + summary._repr_html_()
    texts = [*map(visible, notices), repr(summary), *map(repr, reasons), repr(shown)]
    return {"text/html": html, "text/plain": "\n\n".join(texts)}


def _facts(replies: Replies, run: BatchRun) -> dict[str, object]:
    """The machine record of the output."""
    return {
        "fingerprint": run.plan.fingerprint,
        "models": [variant.model for variant in run.plan.variants],
        "replies": len(replies),
        "failed": len(replies.failed),
        "cost_cny": f"{replies.cost:f}",
    }


def _format(client: Client, options: CellLine) -> str:
    value = format_in(client.session.values(options.values), has_schema="schema" in options.own)
    return value if value in FORMATS else "markdown"


def _all_failed(replies: Replies) -> WcodeError | None:
    """A run without one answer is a failure, however short it was."""
    failed = replies.failed
    if not len(replies) or len(failed) < len(replies):
        return None
    what = _("All {count} answers failed. The last: {error}")
    return RunError(what.format(count=len(failed), error=failed[-1].error or failed[-1].ended))


def _dry_run(client: Client, run: BatchRun) -> str:
    """The first request as it would be sent, and what the whole run may cost."""
    from ..batch import estimate

    said = "".join(f"{notice}\n" for notice in (*run.plan.notices, *run.notices))
    if run.plan.rows.once:
        taken = _("The rows come from an iterator and the dry run consumed the first one. Recreate it before the run.")
        return f"{said}{estimate(run.plan)}\n{taken}"
    task = next(iter(run.plan))
    if task.error is not None:
        raise task.error
    first = describe_call(run.plan.call(task))
    return said + "\n".join([first, "", _("total: {estimate}").format(estimate=estimate(run.plan))])
