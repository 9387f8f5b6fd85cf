"""`%wcode setup` in a kernel: model, key and a free test, and nothing written unasked."""

from __future__ import annotations

from tests.fault_server import FaultServer
from tests.kernels import Kernel

KEY = "sk-typed-0123456789"


def test_from_nothing_to_an_answer(kernel: Kernel) -> None:
    """A number for the model, a hidden key; the test costs nothing, and the key is shown nowhere."""
    with FaultServer() as server:
        kernel.run(f"%load_ext wcode_jupyter\n%wcode set base_url={server.base_url}")
        done = kernel.run("%wcode setup", answers=["4", KEY, "n"])
        assert done.status == "ok"
        assert "4  GLM 5  (z-ai/glm-5)" in done.text
        assert KEY not in done.text
        (probe,) = server.requests
        assert (probe.method, probe.path, probe.key) == ("GET", "/v1/models", KEY)


def test_nobody_is_there_to_ask(kernel: Kernel) -> None:
    """A headless run names the variables instead of waiting."""
    kernel.run("%load_ext wcode_jupyter")
    assert "WCODE_API_KEY and WCODE_MODEL" in kernel.run("%wcode setup").text
