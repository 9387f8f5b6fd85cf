"""`--above`: cells that were run before go along on request, and what must stay here does not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fault_server import FaultServer
from tests.kernels import Kernel
from wcode_jupyter.magics.cell_text import fenced, withhold


@pytest.mark.kernel
def test_cells_above_are_sent_only_on_request(shared: Kernel, server: FaultServer) -> None:
    """The last N with their output, oldest first, each once, the same when the cell is run again; commands left out."""
    shared.run("x = 0")
    shared.run("y = 2\nprint('printed')\nx + y")
    shared.run("x = 1")
    shared.run("%wcode params")
    shared.run("y = 2\nprint('printed')\nx + y")
    for _time in range(2):
        shared.run("%%wcode --above 2 --outputs -o answer\nWhat is x?")
    shared.run("%%wcode\nWhat is x?")
    prompts = [server.wait(n).json["messages"][0]["content"] for n in (1, 2, 3)]
    expected = (
        "Cells of this notebook that were run before, oldest first:\n\n"
        "```python\nx = 1\n```\n\n"
        "```python\ny = 2\nprint('printed')\nx + y\n```\n\n"
        "Its output:\n```text\nprinted\n3\n```\n\n"
        "What is x?"
    )
    assert prompts == [expected, expected, "What is x?"]
    assert "Cells sent along: 2, about " in shared.run("print(answer.notices)").text


@pytest.mark.kernel
def test_secrets_of_the_cells_stay_here(shared: Kernel, server: FaultServer) -> None:
    """A variable and a value of the environment by their names, a credential by its look; the note names them."""
    shared.run("import os\nos.environ['MY_SECRET'] = 'correct horse'\ndb_password = 'hunter22'\nprint(db_password)")
    shared.run("k = 'ghp_16C7e42F292c6912E7710c838347Ae178B4a'\nprint('correct horse')")
    shown = shared.run("%%wcode --above 2 --outputs --dry-run\nhi").text
    for secret in ("hunter22", "correct horse", "16C7e42F292c"):
        assert secret not in shown
    assert "print('[MY_SECRET]')" in shown
    assert "withheld: MY_SECRET, db_password, credentials" in shown
    assert server.requests == []


@pytest.mark.kernel
@pytest.mark.parametrize("options", ["--above 0", "--above some", "--outputs", "--above 1 --repeat 2"])
def test_a_wish_that_means_nothing_is_an_error(shared: Kernel, server: FaultServer, options: str) -> None:
    """Before anything is sent."""
    assert shared.run(f"%%wcode {options}\nhi").error == "OptionError"
    assert server.requests == []


VARIABLES: dict[str, Any] = {
    "api_key": "abcdefgh", "OPENAI_KEY2": "ijklmnop", "keyword": "climate", "max_tokens": "4096", "pwd": "abc",
    "token": 7,
}  # fmt: skip


def test_the_name_says_what_is_secret() -> None:
    """The last word of a variable's name; short values and other types are no secrets."""
    text = "abcdefgh ijklmnop climate 4096 abc 7"
    kept = withhold(text, lambda text: text, VARIABLES, environment={})
    assert kept.text == "[api_key] [OPENAI_KEY2] climate 4096 abc 7"
    assert kept.names == ("api_key", "OPENAI_KEY2")


def test_of_the_environment_all_or_only_secrets() -> None:
    """A text that must be the same on each machine keeps what is not secret; the longest value is replaced first."""
    environment = {"HOME": "/home/ann", "A_TOKEN": "home", "LANG": "C.UTF-8"}
    text = "/home/ann C.UTF-8"
    assert withhold(text, lambda text: text, {}, environment=environment).text == "[HOME] C.UTF-8"
    only = withhold(text, lambda text: text, {}, environment=environment, only_secrets=True)
    assert only.text == "/[A_TOKEN]/ann C.UTF-8"


def test_a_fence_is_longer_than_any_in_the_text() -> None:
    """A cell with a code block of its own stays one block."""
    assert fenced("a\n````\nb\n", "text") == "`````text\na\n````\nb\n`````"
