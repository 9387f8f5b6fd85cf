"""The words after `%wcode`: one row each. A new command is a function in a module here and a row in `COMMANDS`."""

from __future__ import annotations

from collections.abc import Callable

from ...errors import OptionError, one_line
from ...language import N_, _
from ...request.parameters import did_you_mean
from . import (
    again,
    ask,
    audit,
    background,
    chats,
    explain,
    export,
    history,
    import_request,
    key,
    label,
    local,
    methods,
    models,
    package,
    preset,
    replay,
    settings,
    setup,
)
from .command import Command, Context
from .findings import COMMANDS_OF_FINDINGS
from .help import GuidePage, show_help

__all__ = ["COMMANDS", "Command", "Context", "find_command"]


def _help(context: Context, rest: str) -> GuidePage | None:
    return show_help(COMMANDS, context, rest)


def _doctor(context: Context, rest: str) -> object:
    from .doctor import doctor

    return doctor(context)


def _panel(context: Context, rest: str) -> None:
    from .panel import panel

    panel(context, rest)


COMMANDS: tuple[Command, ...] = (
    Command("setup", "setup [MODEL]", N_("Choose a model, type a key and test it, step by step."), setup.setup),
    Command("ask", "ask [OPTIONS] TEXT", N_("Send a prompt in one line, with the options of the cell."), ask.ask),
    Command("running", "running", N_("Answers that stream on in the background (--background)."),
            background.run_running),
    Command("stop", "stop [NAME]", N_("Stop an answer in the background, or all; what arrived is kept."),
            background.run_stop),
    Command("last", "last", N_("The latest reply of this session."), ask.last),
    Command("models", "models [MODEL|WORD ...]",
            N_("Models with context and price, or all facts of one."), models.models),
    Command("params", "params [MODEL]", N_("Request parameters and their ranges."), models.params),
    Command("set", "set NAME=VALUE ...", N_("Set settings and parameters for this session."), settings.set_values),
    Command("unset", "unset NAME ...", N_("Remove session values."), settings.unset_values),
    Command("settings", "settings", N_("Current values and their sources."), settings.show),
    Command("key", "key [set|forget|status] [URL] [--keyring]",
            N_("API key: typed without display, never shown."), key.key),
    Command("local", "local [start|stop|status] [FILE]", N_("The embedded demo model, or a GGUF file."), local.local),
    Command("replay", "replay [record|replay|auto|off] [FILE] [--keep-images] [--allow-secrets]",
            N_("Record answers, replay recorded ones, or send only missing requests."), replay.run_replay),
    Command("audit", "audit [FILE] [--yes] [--max-cost RMB] [--sample N] [--repeat N] [--accept] [-o NAME]",
            N_("Send all recorded requests again and show what changed, against chance."), audit.run_audit),
    Command("lineage", "lineage [ID] [--limit N]",
            N_("Versions of a prompt in the log, with word differences, answers and cost."), again.run_lineage),
    Command("again", "again [ID] [-m MODEL] [-o NAME]",
            N_("Send the last request, or a logged one, again."), again.run_again),
    Command("methods", "methods [FILE ...] [--text|--latex|--bibtex|--json|--trace|--checklist|--tripod]",
            N_("Account of the study for a paper, from this session, replay files and run files."),
            methods.run_methods),
    Command("package", "package FILE.zip [--notebook FILE] [--data FILE,FILE] [--author NAME] [--affiliation NAME]"
            " [--license SPDX] [--force]",
            N_("Pack the study: notebook, answers, account, checklist, prices, versions."), package.run_package),
    *COMMANDS_OF_FINDINGS,
    Command("label", "label NAME [--field NAME] [-n N] [--sample SAMPLE] [--coder NAME] [--codebook BOOK]"
            " [--adjudicate] [-o NAME]",
            N_("Label rows of a batch run by hand; every press is on disk beside the notebook."), label.run_label),
    Command("codebook", "codebook FILE [--diff FILE|--appendix] [-o NAME]",
            N_("What annotators, human or model, are told: show, compare versions, print the appendix."),
            label.run_codebook),
    Command("history", "history [WORD ...|show ID|forget ID] [-m MODEL] [--since DATE] [-o NAME]",
            N_("Search the log of your calls, restore a reply, or delete calls."), history.history),
    Command("usage", "usage [--by model|day|both] [--since DATE] [-o NAME]",
            N_("Calls, tokens and RMB in the log."), history.usage),
    Command("preset", "preset [save|list|delete] [NAME]", N_("Options saved under a name."), preset.preset),
    Command("chats", "chats [show|undo|reset NAME] [fork NAME NEW] [export NAME FILE]",
            N_("Named conversations: turns, tokens, RMB; export as .md, .json or .ipynb."), chats.chats),
    Command("export", "export [TARGET] [--from NAME|--chat NAME] [--stream] [-o NAME] [--write [PATH]]",
            N_("The latest request as a program or a tool configuration, or the notebook as a script."),
            export.run_export),
    Command("import", "import [FILE]",
            N_("A curl command, JSON body or snippet, pasted below %%wcode import or in a file, as a cell."),
            import_request.import_file),
    Command("explain", "explain [OPTIONS]", N_("Explain the last exception of this notebook."), explain.explain),
    Command("fix", "fix [--insert] [OPTIONS]",
            N_("Propose a corrected cell as a diff; --insert inserts it below and never runs it."), explain.fix),
    Command("panel", "panel [OPTIONS]", N_("Controls instead of options."), _panel),
    Command("doctor", "doctor", N_("Configuration and reachable servers, with one hint per problem."), _doctor),
    Command("help", "help [TOPIC]", N_("All options and commands, or a page of the guide."), _help),
)  # fmt: skip


def find_command(word: str, rest: str = "", is_model: Callable[[str], bool] = lambda word: False) -> Command:
    """The row named `word`, which `rest` follows. Raises OptionError with a did-you-mean.

    `is_model`: whether a word is a model's name, for a prompt that was typed without `ask`.
    """
    for command in COMMANDS:
        if command.name == word:
            return command
    hint = _meant(word, rest, is_model) or _("%wcode help lists the commands.")
    raise OptionError(_("Unknown command: %wcode {word}").format(word=word), hint=hint)


def _meant(word: str, rest: str, is_model: Callable[[str], bool]) -> str:
    """What to type instead; empty where nothing is near."""
    if is_model(word):
        return _("Did you mean %wcode ask -m {model} {text}?").format(model=word, text=one_line(rest, 40) or "TEXT")
    if hint := did_you_mean(word, (command.name for command in COMMANDS)):
        return hint
    if not rest:
        return ""
    return _("To send a prompt in one line: %wcode ask {text}").format(text=one_line(f"{word} {rest}", 40))
