"""Optional packages: loaded, or one error that says how to install them."""

from __future__ import annotations

import math
import sys

import pytest

from wcode_jupyter import extras
from wcode_jupyter.errors import InputError


def test_a_package_that_is_there_is_given() -> None:
    """The module itself."""
    assert extras.load("math", extra="frames") is math


@pytest.mark.parametrize(
    ("module", "package", "named"), [("matplotlib.figure", "", "matplotlib"), ("PIL.Image", "Pillow", "Pillow")]
)
def test_a_missing_package_names_its_extra(
    module: str, package: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the package and the command."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError) as caught:
        extras.load(module, extra="plot", package=package)
    assert str(caught.value) == f'This needs {named}. Install it: pip install "wcode_jupyter[plot]"'
