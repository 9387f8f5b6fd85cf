"""`%wcode import` in a kernel: the cell that it writes sends the body of the page's sample."""

from __future__ import annotations

import json
from pathlib import Path

from tests.export.test_imported import BODY, CURL, OPENAI
from tests.fault_server import FaultServer
from tests.kernels import Kernel


def test_the_cell_sends_the_same_body(shared: Kernel, server: FaultServer) -> None:
    """Pasted below the line, with one or two percent signs, or in a file; run as it stands."""
    (Path(shared.cwd) / "sample.py").write_text(OPENAI, encoding="utf-8")
    for code in (f"%%wcode import\n{CURL}", f"%wcode import\n{CURL}", "%wcode import sample.py"):
        done = shared.run(code)
        assert done.text.strip() == "%%wcode z-ai/glm-5 --no-stream\n你好"
    shared.run(done.text.strip())
    assert server.wait().json == BODY


def test_the_key_is_neither_kept_nor_shown(shared: Kernel, server: FaultServer) -> None:
    """Neither in the output nor in IPython's history; what to do about the cell above is said."""
    key = "sk-real-0123456789abcdef"
    done = shared.run("%%wcode import\n" + CURL.replace("API_KEY' ", f"{key}' "))
    assert "The key was left out" in done.text
    assert not any(key in str(message.content) for message in shared.messages if message.type != "execute_input")
    found = shared.run(
        f"half = {key[:9]!r}, {key[9:]!r}\n"
        "h = get_ipython().history_manager\n"
        "print(''.join(half) in repr([h.input_hist_raw, h.input_hist_parsed, h.db_input_cache, In]))"
    )
    assert found.text.strip() == "False"


def test_everything_of_the_body_is_carried(shared: Kernel, server: FaultServer) -> None:
    """System prompt, parameters, foreign fields, a stream; braces are no references."""
    body = {
        "model": "z-ai/glm-5",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "{{x}} it's"}],
        "reasoning": {"effort": "high"},
        "stop": ["END", "\n"],
        "logprobs": False,
        "temperature": 0.5,
        "foo": {"a": [1, None]},
    }
    shared.run(shared.run("%%wcode import\n" + json.dumps(body)).text.strip())
    assert server.wait().json == body


def test_several_turns(shared: Kernel, server: FaultServer) -> None:
    """A cell of one chat for each question; the answers in the request are not carried, which is said."""
    turns = [{"role": role, "content": role[0]} for role in ("user", "assistant", "user")]
    text = shared.run("%%wcode import\n" + json.dumps({"model": "m", "messages": turns})).text
    assert text.count("%%wcode m --no-stream --chat imported\nu") == 2
    assert "Answers of the model" in text
