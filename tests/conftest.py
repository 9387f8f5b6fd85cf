"""What every test gets: a clean environment, no network beyond this machine, and the real Jupyter on demand.

Fixtures: `kernel` (a fresh IPython kernel per test), `lab` (one JupyterLab and one Chromium per module), `terminal` (a
terminal IPython per test). Using one of them sets the marker `kernel` or `browser`.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from .environment import isolated

if TYPE_CHECKING:
    from .kernels import Kernel
    from .lab import Lab
    from .terminal import Terminal

# A busy machine is no defect of what is tested.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# A shell that runs the tests in the background has them ignore Ctrl-C, and with them every kernel that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

_MARKERS = {"lab": "browser", "kernel": "kernel", "terminal": "kernel"}


# -- no network ---------------------------------------------------------------------------------------------------


def _is_local(host: object) -> bool:
    if not isinstance(host, str) or host in ("", "localhost"):
        return True
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuses to leave this machine. An audit hook sees every socket of the process, whichever library opened it."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if _is_local(host):
        return
    if isinstance(host, str) and host.endswith(".invalid"):  # RFC 6761: never resolves, so a test may ask for it
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    pytest.fail(f"a test tried to reach the network: {event} {host!r}")


sys.addaudithook(_guard)


# -- environment --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def _private(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("private")


@pytest.fixture(autouse=True)
def _clean_environment(_private: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clean = isolated(_private)
    for name in os.environ.keys() - clean.keys():
        if not name.startswith("PYTEST_"):
            monkeypatch.delenv(name)
    for name, value in clean.items():
        monkeypatch.setenv(name, value)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", type=Path, metavar="DIR", help="keep the browser tests' pictures in DIR")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in _MARKERS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(_MARKERS[fixture])
        # A browser on a busy machine may miss a moment: one second try, counted as "rerun" in the closing line.
        browser = item.get_closest_marker("browser")
        # For `--dist loadgroup`: one browser at a time, and the fixtures of a module are made once.
        item.add_marker(pytest.mark.xdist_group("browser" if browser else item.nodeid.partition("::")[0]))
        if browser:
            item.add_marker(pytest.mark.flaky(reruns=1))


# -- real Jupyter -------------------------------------------------------------------------------------------------


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    """A fresh IPython kernel in an empty folder."""
    from .kernels import Kernel

    with Kernel(tmp_path) as kernel:
        yield kernel


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A fresh terminal IPython in an empty folder."""
    from .terminal import Terminal

    with Terminal(tmp_path) as terminal:
        yield terminal


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """Where pictures go: the folder given with `--screenshots`, else a temporary one."""
    chosen: Path | None = pytestconfig.getoption("--screenshots")
    return chosen or tmp_path_factory.mktemp("screenshots")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, screenshots: Path) -> Iterator[Lab]:
    """JupyterLab on an empty folder, and a Chromium beside it, for the tests of one module.

    While it is open, Playwright's event loop runs in the main thread: such a module can neither call `asyncio.run` nor
    open a second `Lab`. A test that needs another one (dark, Notebook 7) opens it itself, in a module without `lab`.
    """
    from .lab import Lab, check_browser

    check_browser()
    with Lab(tmp_path_factory.mktemp("lab"), screenshots=screenshots) as lab:
        yield lab


@pytest.fixture(autouse=True)
def _close_pages(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each browser test closes the pages that it opened, and ends their kernels."""
    if "lab" not in request.fixturenames:
        yield
        return
    lab: Lab = request.getfixturevalue("lab")
    shared = [*lab.pages]  # of a fixture of the whole module
    yield
    lab.close_pages(but=shared)
