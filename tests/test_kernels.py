"""The kernel harness itself: what it reports is what a frontend would see."""

from __future__ import annotations

import os
import socket

import pytest

from .kernels import Kernel, Message, Outputs


def message(type: str, **content: object) -> Message:
    return Message(type, content, {}, "", 0, 0)


def display(text: str, display_id: str | None = None) -> dict[str, object]:
    return {
        "data": {"text/plain": text},
        "metadata": {},
        "transient": {"display_id": display_id} if display_id else {},
    }


def test_cell_prints_and_returns(kernel: Kernel) -> None:
    """Stream and result arrive as nbformat outputs, each message with its time and size."""
    done = kernel.run("print('hello'); 1 + 1")
    assert done.status == "ok"
    assert done.outputs == [
        {"output_type": "stream", "name": "stdout", "text": "hello\n"},
        {"output_type": "execute_result", "data": {"text/plain": "2"}, "metadata": {}, "execution_count": 1},
    ]
    assert done.text == "hello\n2"
    times = [m.at_s for m in done.messages]
    assert times == sorted(times)
    assert times[0] > 0
    assert done.seconds is not None
    assert done.size > 4 * 200  # at least four messages, each with a signed header


def test_failure(kernel: Kernel) -> None:
    """An exception is the cell's status, name and traceback."""
    done = kernel.run("1 / 0")
    assert (done.status, done.error) == ("error", "ZeroDivisionError")
    assert "division by zero" in done.text


def test_interrupt(kernel: Kernel) -> None:
    """The stop button ends a sleeping cell at once, and the next cell works."""
    cell = kernel.start("import time; print('on', flush=True); time.sleep(60)")
    cell.wait_for(lambda m: m.type == "stream")
    kernel.interrupt()
    assert cell.finish(timeout_s=10).error == "KeyboardInterrupt"
    assert kernel.run("'alive'").text == "'alive'"


def test_input(kernel: Kernel) -> None:
    """A question is answered from `answers`; without them the cell cannot ask."""
    assert kernel.run("print(input('name? '))", answers=["Ada"]).text == "Ada\n"
    assert kernel.run("input()").error == "StdinNotImplementedError"


def test_update_reaches_an_earlier_cell(kernel: Kernel) -> None:
    """A display updated from a later cell changes where it was shown."""
    first = kernel.run("handle = display('old', display_id=True)")
    kernel.run("handle.update('new')")
    assert [output["data"]["text/plain"] for output in first.outputs] == ["'new'"]


def test_completion(kernel: Kernel) -> None:
    """Tab offers names of the notebook, and cells run afterwards."""
    kernel.run("watermelon = 1")
    assert kernel.complete("waterm") == ["watermelon"]
    assert kernel.run("watermelon").text == "1"


def test_environment(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither keys nor proxies reach a kernel, and the package under test is this clone's."""
    monkeypatch.setenv("WCODE_API_KEY", "secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with Kernel(kernel.cwd, env={"EXTRA": "1"}) as other:
        seen = "print(*(n for n in ('WCODE_API_KEY', 'HTTPS_PROXY', 'EXTRA') if n in os.environ))"
        assert other.run(f"import os; {seen}").text == "EXTRA\n"
        assert other.run("import wcode_jupyter; print(wcode_jupyter.__file__)").text.startswith(
            os.path.dirname(os.path.dirname(__file__))
        )


@pytest.mark.parametrize(
    ("messages", "texts"),
    [
        pytest.param([("a", None), ("b", None)], ["a", "b"], id="appended"),
        pytest.param([("a", None), "clear", ("b", None)], ["b"], id="cleared"),
        pytest.param([("a", None), "wait"], ["a"], id="waiting for what never comes"),
        pytest.param([("a", None), "wait", ("b", None), ("c", None)], ["b", "c"], id="cleared by the next"),
    ],
)
def test_clear(messages: list[str | tuple[str, None]], texts: list[str]) -> None:
    """`clear_output` empties the cell; with `wait`, only when the next output comes."""
    outputs = Outputs()
    for entry in messages:
        if isinstance(entry, str):
            outputs.feed(message("clear_output", wait=entry == "wait"))
        else:
            outputs.feed(message("display_data", **display(*entry)))
    assert [item["data"]["text/plain"] for item in outputs.items] == texts
    assert not any("transient" in item for item in outputs.items)


def test_update_after_clear_is_lost() -> None:
    """An output that was cleared is not brought back by an update."""
    outputs = Outputs()
    outputs.feed(message("display_data", **display("a", "id")))
    outputs.feed(message("clear_output", wait=False))
    outputs.feed(message("display_data", **display("b")))
    outputs.update("id", display("c"))
    assert [item["data"]["text/plain"] for item in outputs.items] == ["b"]


def test_streams_join_by_name() -> None:
    """Neighbouring pieces of one stream are one output."""
    outputs = Outputs()
    for name, text in [("stdout", "a"), ("stdout", "b"), ("stderr", "c"), ("stdout", "d")]:
        outputs.feed(message("stream", name=name, text=text))
    assert [(item["name"], item["text"]) for item in outputs.items] == [
        ("stdout", "ab"),
        ("stderr", "c"),
        ("stdout", "d"),
    ]


@pytest.mark.parametrize("address", [("93.184.216.34", 80), ("2606:2800::1", 80)])
def test_network_is_closed(address: tuple[str, int]) -> None:
    """No test can reach another machine, by address or by name."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as s, pytest.raises(pytest.fail.Exception, match="reach the network"):
        s.connect(address)
    with pytest.raises(pytest.fail.Exception, match="reach the network"):
        socket.getaddrinfo("wcode.net", 443)
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("wcode.invalid", 443)


def test_network_within_the_machine_is_open() -> None:
    """A server on a loopback port can be reached."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass


def test_developer_settings_are_hidden() -> None:
    """No key, proxy or keyring of the person who runs the tests is visible."""
    assert not [name for name in os.environ if name.startswith("WCODE_") or name.lower().endswith("_proxy")]
    assert os.environ["PYTHON_KEYRING_BACKEND"] == "keyring.backends.null.Keyring"
