"""How a wait of several seconds is shown: a bar, if tqdm is there and only if it really takes time."""

from __future__ import annotations

import warnings
from typing import Any, Protocol

from ..cell_outputs import running_cell
from ..shell import current_shell

__all__ = ["FetchProgress", "bar"]

_DELAY_S = 2.0


class FetchProgress(Protocol):
    """One stage of work, on show until it is closed."""

    def update(self, share: float) -> None:
        """`share` of the work is done, 0 to 1; called a few times a second also when nothing has moved."""

    def close(self) -> None:
        """Takes the bar away."""


class _Bar:
    def __init__(self, tqdm: Any, clear: bool) -> None:
        self._tqdm = tqdm
        shell = current_shell() if clear else None
        self._cell, self._request = running_cell(shell.display_pub) if shell is not None else (None, "")
        self._first = self._count() == 0

    def update(self, share: float) -> None:
        self._tqdm.update(share - self._tqdm.n)

    def close(self) -> None:
        # A notebook's bar that is closed before its end stays there, in red; the error itself is shown elsewhere.
        self._tqdm.n = self._tqdm.total
        self._tqdm.close()
        if getattr(self._tqdm, "displayed", False) and self._first and self._count() == 1:
            from IPython.display import clear_output

            # A closed widget would be saved, and be an error message when the notebook is opened again.
            clear_output(wait=True)  # type: ignore[no-untyped-call]

    def _count(self) -> int | None:
        """Outputs of the cell; None where that is not known."""
        return None if self._cell is None else self._cell.count(self._request)


class _Nothing:
    def update(self, share: float) -> None:
        pass

    def close(self) -> None:
        pass


def bar(label: str, *, clear: bool = False) -> FetchProgress:
    """A bar named `label` that appears after two seconds and goes at the end; without tqdm, nothing.

    `clear`: the next output of the notebook's cell takes the bar's place where the cell holds nothing else: no trace
    of it is saved.
    """
    with warnings.catch_warnings():
        # tqdm warns where ipywidgets is missing or old, and falls back to text by itself.
        warnings.simplefilter("ignore")
        try:
            from tqdm.auto import tqdm

            shown = tqdm(
                desc=label,
                total=1.0,
                miniters=0,
                mininterval=0.0,
                delay=_DELAY_S,
                leave=False,
                bar_format="{desc} {bar} {elapsed}",
            )
            return _Bar(shown, clear)
        except ImportError:
            return _Nothing()
