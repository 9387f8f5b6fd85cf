"""The magic itself: a line or a cell of one notebook, on the notebook's one client."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..characters import visible
from ..client import Client
from ..errors import AnswerInterrupted, WcodeError
from ..language import _
from ..lazy import is_built, lazy
from ..request.messages import LOCAL
from ..session import Session
from ..shell import Shell
from .cell import ask
from .commands import COMMANDS, find_command
from .commands.command import Context
from .commands.import_request import import_text
from .manual import manual
from .options import parse_cell_line

__all__ = ["WcodeMagics"]


class WcodeMagics:
    """`%wcode` and `%%wcode` of one shell. `config` gives the values of `%config Wcode` at each look-up.

    `home` is the folder in which the extension was loaded.
    """

    def __init__(self, shell: Shell, config: Callable[[], Mapping[str, object]], home: Path) -> None:
        self.shell = shell
        self.config = config
        self.home = home
        self._warned: set[str] = set()

    @lazy
    def client(self) -> Client:
        """The notebook's client: its session, its connections, its embedded model."""
        client = Client(session=Session(config=self.config))
        client.notebook = self._notebook
        client.home = self.home
        client.warn = self._warn
        client.owns_cell = True
        return client

    def _notebook(self) -> str | None:
        """Where the notebook is, where VS Code runs it: it tells nobody but the notebook itself."""
        path = self.shell.user_ns.get("__vsc_ipynb_file__")
        return path if isinstance(path, str) else None

    def _warn(self, text: str) -> None:
        """One line beside the cell's outputs, once a session: Python's own form of it names files of this machine."""
        if text not in self._warned:
            self._warned.add(text)
            print(visible(text), file=sys.stderr)

    def run(self, line: str, text: str | None) -> Any:
        """Runs `%wcode LINE` (`text` None) or a `%%wcode LINE` cell. Raises WcodeError, also when it is interrupted."""
        try:
            if text is None:
                return self.run_line(line)
            if line.split() == ["import"]:
                return import_text(Context(self.shell, self.client), text)
            return self.run_cell(line, text)
        except KeyboardInterrupt:
            # Stopped where there is no answer yet: while the embedded model is fetched or started, by a command.
            raise AnswerInterrupted(_("Interrupted")) from None

    def run_cell(self, line: str, text: str) -> None:
        """Sends a cell, or shows the help. Raises WcodeError: one line, after what arrived is shown and bound."""
        options = parse_cell_line(line, namespace=self.shell.user_ns)
        if options.flag("help"):
            print(manual(COMMANDS))
        else:
            ask(self.shell, self.client, options, text)

    def run_line(self, line: str) -> Any:
        """Runs one command; without a word, the help."""
        word, _space, rest = line.strip().partition(" ")
        if rest.strip() in ("--help", "-h"):
            word, rest = "help", ""
        command = find_command(word or "help", rest.strip(), self._is_model)
        return command(Context(self.shell, self.client), rest.strip())

    def _is_model(self, word: str) -> bool:
        catalogue = self.client.session.catalogue
        try:
            return word == LOCAL or catalogue.resolve(word) in catalogue
        except WcodeError:  # a word that fits several models
            return False

    def close(self) -> None:
        """Closes the panels and ends what the client started."""
        if "wcode_jupyter.panel.panel" in sys.modules:
            from .commands.panel import close_panels

            close_panels(Context(self.shell, self.client))
        if is_built(self, "client"):
            self.client.close()
