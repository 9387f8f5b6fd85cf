"""`%wcode again` and `%wcode lineage`: a question of the past once more, and what became of its prompt."""

from __future__ import annotations

from ...display import view
from ...errors import InputError, OptionError
from ...language import N_, _
from ...reply import Reply
from ...session.account import AccountEntry
from ...store.codec import has_hashed_images
from ...study.lineage import Lineage, lineage
from ..cell_schema import ask_alone, error_of
from ..line import parse_command
from ..options import OUTPUT_REPLY, CellOption
from .command import Context

__all__ = ["AGAIN_OPTIONS", "LINEAGE_OPTIONS", "run_again", "run_lineage"]

AGAIN_OPTIONS = (
    CellOption(name="model", short="-m", metavar="MODEL", help=N_("Use a different model.")),
    OUTPUT_REPLY,
)
LINEAGE_OPTIONS = (
    CellOption(name="limit", metavar="N", help=N_("Maximum number of logged calls to read. Default: 500.")),
)
_LIMIT = 500


def run_again(context: Context, rest: str) -> None:
    """Sends the last question of this session, or a logged one, once more, and shows the answer as a cell does."""
    line = parse_command(rest, AGAIN_OPTIONS)
    client = context.client
    asked = _chosen(context, line.words)
    request = asked.request
    assert request is not None
    if has_hashed_images(request):
        raise InputError(_("This request cannot be sent again: only the hashes of its images were recorded"))
    call = client.session.again(request, model=line.text("model"))
    settings = client.session.values()
    reply, error, shown = ask_alone(client.start, call, lambda: view(settings["format"].value))
    shown.finish(reply)
    if name := line.text("output"):
        context.shell.push({name: reply})
    if error := error_of(reply, error):
        raise error


def run_lineage(context: Context, rest: str) -> Lineage:
    """The versions of the last question's prompt, or of a logged one, with what changed from one to the next."""
    line = parse_command(rest, LINEAGE_OPTIONS)
    text = line.text("limit") or str(_LIMIT)
    if not text.isdecimal() or int(text) < 1:
        raise OptionError(
            _("{option} must be an integer of at least 1, got {text}").format(option="--limit", text=text)
        )
    log = context.client.log
    target = _chosen(context, line.words)
    logged = [log.get(row.id) for row in log.search(limit=int(text)) if row.prompt]
    found = lineage(target, logged)
    if len(found.versions) > 1:
        said = _("The prompt had {count} versions.").format(count=len(found.versions))
        context.client.session.findings.append(AccountEntry("lineage", said, "%wcode lineage"))
    return found


def _chosen(context: Context, words: tuple[str, ...]) -> Reply:
    """The logged call that the words name, else the newest reply. Raises InputError, LogError, OptionError."""
    if len(words) > 1 or (words and not words[0].isdecimal()):
        raise OptionError(_("Expected the id of one call"), hint=_("See %wcode history."))
    if words:
        return context.client.log.get(int(words[0]))
    last = context.client.session.last
    if last is None or last.request is None:
        raise InputError(_("No reply in this session yet"), hint=_("Choose a logged call: see %wcode history."))
    return last
