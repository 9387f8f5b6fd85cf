"""One kernel with the extension for all tests of a module, and a server that its session asks by default."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fault_server import FaultServer, chat
from tests.kernels import Kernel


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel with the extension for all tests of a module."""
    with Kernel(tmp_path_factory.mktemp("shared")) as kernel:
        assert kernel.run("%load_ext wcode_jupyter").status == "ok"
        yield kernel


@pytest.fixture
def server(shared: Kernel) -> Iterator[FaultServer]:
    """A server that the kernel's session asks by default, as the model `m`; it says Hello unless told otherwise."""
    with FaultServer(chat("Hello")) as server:
        shared.run(f"%wcode set model=m base_url={server.base_url}")
        yield server
        shared.run("%wcode unset model base_url")
