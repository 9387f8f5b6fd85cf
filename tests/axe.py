"""What axe-core, the usual checker of accessibility, finds in a page."""

from __future__ import annotations

from importlib.util import find_spec

from .environment import require
from .lab import Page

__all__ = ["violations"]

_GRAVE = ("serious", "critical")


def violations(page: Page, selector: str) -> list[str]:
    """Rule and element of each serious or critical violation inside `selector`."""
    require(find_spec("axe_playwright_python"), "axe is not installed: pip install 'wcode_jupyter[test]'")
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page.tab, context=selector).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:160]} ({node['failureSummary'][-160:]})"
        for rule in found
        if rule["impact"] in _GRAVE
        for node in rule["nodes"]
    ]
