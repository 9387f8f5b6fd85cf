"""What `%load_ext wcode_jupyter` does: it registers stand-ins that load the real thing at first use.

Loading must cost a notebook next to nothing, so nothing is imported here that IPython has not imported already; half a
second later a daemon thread begins to import and to build the connection's parts, so that the first cell does not wait.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.completer import context_matcher
from IPython.core.magic import no_var_expand
from traitlets import Any as AnyTrait
from traitlets.config import Config, Configurable

from .cell_outputs import watch
from .findings.page import Page
from .labels.screen import Screen
from .lazy import is_built, lazy
from .slips import Slips

if TYPE_CHECKING:
    from .findings.exploration import Exploration
    from .labels.labelling import Labelling
    from .magics.wcode import WcodeMagics as WcodeMagic
    from .shell import Shell

__all__ = ["load", "show_panel", "unload"]

_WARM_UP_DELAY_S = 0.5


class Wcode(Configurable):
    """Defaults for `%%wcode`: any setting or parameter by its name (`%wcode settings`, `%wcode params`)."""

    # The names come from the tables, which are not loaded yet: this one trait makes IPython list the class.
    model = AnyTrait(None, allow_none=True, help="Model to ask.").tag(config=True)

    def _load_config(self, cfg: Config, section_names: object = None, traits: object = None) -> None:
        """Values stay in the config section; the session reads and checks them when a call is made."""

    def values(self) -> Mapping[str, object]:
        """What `%config Wcode.<name>` and `ipython_config.py` say, by name."""
        return dict(self.config.get("Wcode", {}))

    def update_config(self, config: Config) -> None:
        """Takes `%config Wcode.<name> = …`. Raises ParameterError for an unknown name or a bad value.

        After a replay mode that does not exist nothing is sent.
        """
        from .errors import ParameterError
        from .request.parameters import check_row
        from .request.settings import find_row

        for name, value in config.get("Wcode", {}).items():
            try:
                row = find_row(name)
                if value is not None:  # None takes a value back
                    check_row(row, value)
            except ParameterError:
                if name == "replay":
                    super().update_config(Config({"Wcode": {"replay": "replay"}}))
                raise
        super().update_config(config)

    @classmethod
    def class_get_help(cls, inst: object = None) -> str:
        """The names that can be set, for `%config Wcode` and its completion."""
        from .language import _
        from .request.settings import ROWS

        return "\n".join(f"--Wcode.{row.name}=<{row.range}>\n    {_(row.help)}" for row in ROWS.values())


class LazyMagic:
    """Stands for the magic until it is first used; shows its help without running it."""

    def __init__(self, shell: Shell, config: Wcode) -> None:
        self.shell = shell
        self.config = config
        self.home = Path.cwd()
        self.slips = Slips(shell)
        self.warming = threading.Timer(_WARM_UP_DELAY_S, self.warm_up)
        self.warming.daemon = True
        no_var_expand(self)

    @lazy
    def magic(self) -> WcodeMagic:
        """The real magic."""
        from .magics.wcode import WcodeMagics as WcodeMagic

        return WcodeMagic(self.shell, self.config.values, self.home)

    def __call__(self, line: str, cell: str | None = None) -> Any:
        return self.magic.run(line, cell)

    def getdoc(self) -> str:
        """What `%%wcode?` and Shift+Tab show."""
        from .magics.commands import COMMANDS
        from .magics.manual import manual

        return manual(COMMANDS)

    def complete(self, context: Any) -> object:
        """Completes options, values, model ids and commands; silent outside `%wcode` lines."""
        if "%wcode" not in context.full_text:
            return {"completions": []}
        from .magics.completion import complete

        return complete(context, self.magic.client.session, self.shell.user_ns)

    def inspect(self, code: str, cursor: int) -> str | None:
        """The documentation at `cursor`; None where IPython answers."""
        if "%wcode" not in code:
            return None
        from .magics.inspection import inspect

        return inspect(code, cursor, self.magic.client.session, self.shell.user_ns)

    def misplaced(self) -> None:
        """What a `%%wcode` line below other lines is rewritten to. Raises OptionError."""
        from .errors import OptionError
        from .language import _

        raise OptionError(
            _("%%wcode is not the first line of its cell"),
            hint=_("Move the lines above it into a separate cell. Everything below %%wcode is the prompt."),
        )

    def warm_up(self) -> None:
        """Imports and builds in the background; whatever fails will fail visibly at first use."""
        try:
            self.magic.client.warm()
        except Exception:
            return


def load(shell: Any) -> None:
    """Registers magic, configuration and completion; loading twice changes nothing."""
    if "wcode" in shell.magics_manager.magics["cell"]:
        return
    if (session := getattr(shell.display_pub, "session", None)) is not None:
        watch(session)
    config = Wcode(parent=shell)
    magic = LazyMagic(shell, config)
    shell.configurables.append(config)
    shell.register_magic_function(magic, magic_kind="line_cell", magic_name="wcode")
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(_matcher(magic))
    shell.input_transformers_cleanup.append(magic.slips)
    Screen.show = functools.partial(_show_labelling, shell)
    Page.show = functools.partial(_show_exploration, shell)
    # JupyterLite's kernel is another one, without this method.
    if hasattr(kernel := getattr(shell, "kernel", None), "do_inspect"):
        _answer_inspections(kernel, magic)
    if "ipykernel" in sys.modules:
        with contextlib.suppress(RuntimeError):  # a kernel in a browser has no threads
            magic.warming.start()


def _show_labelling(shell: Shell, labelling: Labelling) -> None:
    from .panel.label_panel import show_labelling

    show_labelling(shell, labelling)


def _show_exploration(shell: Any, exploration: Exploration) -> None:
    from .panel.explorer import show_exploration

    show_exploration(shell, exploration)


def show_panel(options: str = "") -> None:
    """`%wcode panel` without the magic's words. Raises InputError outside IPython."""
    from IPython import get_ipython

    if (shell := get_ipython()) is None:
        from .errors import InputError
        from .language import _

        raise InputError(_("The panel needs a notebook: JupyterLab, Notebook 7 or VS Code"))
    load(shell)
    shell.run_line_magic("wcode", f"panel {options}")


def _matcher(magic: LazyMagic) -> object:
    @context_matcher()  # type: ignore[untyped-decorator, unused-ignore]
    def wcode_matcher(context: object) -> object:
        return magic.complete(context)

    return wcode_matcher


def _answer_inspections(kernel: Any, magic: LazyMagic) -> None:
    """Shift+Tab arrives at the kernel's `do_inspect`; IPython has no hook for it, as it has for completion."""
    of_kernel = kernel.do_inspect

    def do_inspect(code: str, cursor_pos: int, *arguments: Any, **options: Any) -> Any:
        text = magic.inspect(code, cursor_pos)
        if text is None:
            return of_kernel(code, cursor_pos, *arguments, **options)
        data = {"text/plain": text} if text else {}
        return {"status": "ok", "found": bool(text), "data": data, "metadata": {}}

    kernel.do_inspect = do_inspect


def unload(shell: Any) -> None:
    """Takes everything back and ends what was started."""
    magics = shell.magics_manager.magics
    magic = magics["cell"].pop("wcode", None)
    magics["line"].pop("wcode", None)
    Screen.show = None
    if not isinstance(magic, LazyMagic):
        return
    shell.configurables.remove(magic.config)
    shell.input_transformers_cleanup.remove(magic.slips)
    shell.Completer.custom_matchers[:] = [
        matcher for matcher in shell.Completer.custom_matchers if matcher.__name__ != "wcode_matcher"
    ]
    if (kernel := getattr(shell, "kernel", None)) is not None:
        vars(kernel).pop("do_inspect", None)
    magic.warming.cancel()
    if is_built(magic, "magic"):
        magic.magic.close()
