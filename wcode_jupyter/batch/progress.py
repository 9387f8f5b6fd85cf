"""A bar while a run runs: in a notebook and in a terminal that somebody watches, nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ..figures import format_cost, format_time
from ..language import _
from ..shell import is_watched
from .counts import RunProgress
from .run import BatchRun

__all__ = ["postfix", "watch"]

_EVERY_S = 0.2
_BAR = "{percentage:3.0f} %|{bar}| {n_fmt} / {total_fmt}{postfix}"
_COUNT = "{n_fmt}{postfix}"


def watch(
    run: BatchRun,
    *,
    quiet: bool = False,
    also: Callable[[], None] = lambda: None,
    displayed: Callable[[], None] = lambda: None,
) -> None:
    """Waits for the end of `run`, with a bar where somebody watches; `also` shows more, several times a second.

    `displayed` is called once, as soon as the bar is an output of the cell. KeyboardInterrupt comes through.
    """
    bar = None if quiet else _bar(run.progress())
    if bar is None:
        run.wait()
        return
    told = False

    def tell() -> None:
        nonlocal told
        if not told and getattr(bar, "displayed", False):
            told = True
            displayed()

    try:
        while not run.wait(_EVERY_S):
            _show(bar, run.progress())
            tell()
            also()
        _show(bar, run.progress())
    finally:
        tell()
        bar.close()


def _bar(progress: RunProgress) -> Any:
    if not is_watched():
        return None
    try:
        import tqdm
        import tqdm.notebook
    except ImportError:
        return None
    in_notebook = "ipykernel" in sys.modules and not sys.stderr.isatty()
    kind = tqdm.notebook.tqdm if in_notebook else tqdm.tqdm
    # Without a delay a bar flashes up for a run that is over at once.
    return kind(
        total=progress.total,
        leave=False,
        delay=0.3,
        initial=progress.kept,
        dynamic_ncols=not in_notebook,
        # tqdm's own figures begin with "?it/s", and know neither failures nor money.
        bar_format=_BAR if progress.total else _COUNT,
    )


def _show(bar: Any, progress: RunProgress) -> None:
    bar.set_postfix_str(postfix(progress), refresh=False)
    bar.update(progress.done - bar.n)


def postfix(progress: RunProgress) -> str:
    """What stands behind the bar: rows a second, time left, failed, in flight, speed, RMB so far and projected."""
    parts = [
        _("{rate} rows/s").format(rate=_rate(progress.rows_per_s)) if progress.rows_per_s else "",
        "" if progress.left_s is None else _("{time} left").format(time=format_time(progress.left_s)),
        _("{count} failed").format(count=progress.failed) if progress.failed else "",
        _("{count} in flight").format(count=progress.in_flight),
        _("{rate:.0f} tokens/s").format(rate=progress.tokens_per_s) if progress.output_tokens else "",
        _money(progress.cost_cny, progress.projected_cny),
    ]
    return " · ".join(part for part in parts if part)


def _rate(rate: float) -> str:
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}" if rate >= 0.1 else f"{rate:.2g}"


def _money(spent: Decimal, projected: Decimal | None) -> str:
    if not spent:
        return ""
    so_far = format_cost(spent)
    return so_far if projected is None else _("{spent} of about {all}").format(spent=so_far, all=format_cost(projected))
