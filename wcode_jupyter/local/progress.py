"""How a wait of several seconds is shown: a bar, if tqdm is there and only if it really takes time."""

from __future__ import annotations

import warnings
from typing import Any, Protocol

__all__ = ["Progress", "bar"]

_DELAY_S = 2.0


class Progress(Protocol):
    """One stage of work, on show until it is closed."""

    def update(self, share: float) -> None:
        """`share` of the work is done, 0 to 1; called a few times a second also when nothing has moved."""

    def close(self) -> None:
        """Takes the bar away."""


class _Bar:
    def __init__(self, tqdm: Any) -> None:
        self._tqdm = tqdm

    def update(self, share: float) -> None:
        self._tqdm.update(share - self._tqdm.n)

    def close(self) -> None:
        # A notebook's bar that is closed before its end stays there, in red; the error itself is shown elsewhere.
        self._tqdm.n = self._tqdm.total
        self._tqdm.close()


class _Nothing:
    def update(self, share: float) -> None:
        pass

    def close(self) -> None:
        pass


def bar(label: str) -> Progress:
    """A bar named `label` that appears after two seconds and leaves nothing behind; without tqdm, nothing."""
    with warnings.catch_warnings():
        # tqdm warns where ipywidgets is missing or old, and falls back to text by itself.
        warnings.simplefilter("ignore")
        try:
            from tqdm.auto import tqdm

            return _Bar(
                tqdm(
                    desc=label,
                    total=1.0,
                    miniters=0,
                    mininterval=0.0,
                    delay=_DELAY_S,
                    leave=False,
                    bar_format="{desc} {bar} {elapsed}",
                )
            )
        except ImportError:
            return _Nothing()
