"""The bar: shown only for what takes long, gone afterwards, silent without tqdm."""

from __future__ import annotations

import sys

import pytest

from tests.kernels import Kernel
from wcode_jupyter.local import progress

LABEL = "downloading the demo model (93 MB)"


def test_a_short_wait_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A stage that is over before the delay leaves no trace on the terminal."""
    bar = progress.bar(LABEL)
    bar.update(0.5)
    bar.close()
    assert capsys.readouterr() == ("", "")


def test_a_long_wait_shows_its_label(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """After the delay the bar stands on standard error with its label, and closing it wipes the line."""
    pytest.importorskip("tqdm")
    monkeypatch.setattr(progress, "_DELAY_S", 1e-9)
    bar = progress.bar(LABEL)
    bar.update(0.5)
    shown = capsys.readouterr().err
    assert LABEL in shown
    bar.close()
    assert capsys.readouterr().err.strip() == ""


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("before", "clear", "outputs"),
    [
        ("", True, ["stream"]),
        ("print('before')", True, ["stream", "display_data", "stream"]),
        ("", False, ["display_data", "stream"]),
    ],
)
def test_no_trace_of_a_bar_is_saved_in_a_cell_of_ours(
    kernel: Kernel, before: str, clear: bool, outputs: list[str]
) -> None:
    """A closed widget would be an error message when the notebook is opened again. A cell that holds more is kept."""
    pytest.importorskip("ipywidgets")
    kernel.run("import wcode_jupyter.cell_outputs as c; c.watch(get_ipython().display_pub.session)")
    code = (
        f"from wcode_jupyter.local import progress\nprogress._DELAY_S = 1e-9\n{before}\n"
        f"bar = progress.bar('fetching', clear={clear})\nbar.update(0.5)\nbar.close()\nprint('after')"
    )
    assert [output["output_type"] for output in kernel.run(code).outputs] == outputs


def test_without_tqdm_the_work_goes_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """tqdm is an extra: without it nothing is shown and nothing fails."""
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    bar = progress.bar(LABEL)
    bar.update(1.0)
    bar.close()
    assert capsys.readouterr() == ("", "")
