"""`%wcode setup` in a kernel: model, key and a free test, and nothing written unasked."""

from __future__ import annotations

from tests.fault_server import FaultServer, body, chat
from tests.kernels import Kernel
from tests.terminal import Terminal

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


def test_the_same_in_a_terminal(terminal: Terminal) -> None:
    """Model by its id, the key typed without a trace on the screen, the free request, then an answer."""
    with FaultServer(body('{"data": []}'), chat("Bern.")) as server:
        terminal.run(f"%load_ext wcode_jupyter\n%wcode set base_url={server.base_url}")
        terminal.start("%wcode setup")
        terminal.wait_for(lambda screen: "Default model, a number or any id" in screen)
        terminal.answer("some-model")
        terminal.wait_for(lambda screen: "hidden; Enter: none" in screen)
        terminal.answer(KEY)
        terminal.wait_for(lambda screen: "keyring too? [y/N]" in screen)
        terminal.answer("n")
        assert "Ready." in terminal.finish()
        assert KEY.encode() not in terminal.raw
        assert "Bern." in terminal.run("%%wcode\nWhat is the capital of Switzerland?")
        probe, asked = server.requests
        assert (probe.method, probe.key, asked.key, asked.json["model"]) == ("GET", KEY, KEY, "some-model")
