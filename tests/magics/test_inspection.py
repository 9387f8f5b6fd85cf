"""What Shift+Tab says inside a `%wcode` line and a `%%wcode` cell."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernels import Kernel
from wcode_jupyter.client import Client
from wcode_jupyter.keys import Secret
from wcode_jupyter.magics.inspection import inspect
from wcode_jupyter.session import Session


@pytest.fixture
def session() -> Iterator[Session]:
    client = Client(log=False)
    yield client.session
    client.close()


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("%%wcode glm-5 --temp|erature 0.2\nHi", "--temperature  0…2 · page default 1.0\n\nRandomness"),
        ("%%wcode glm-5 --temperature| 0.2\nHi", "--temperature  0…2"),
        ("%%wcode glm-5 --temperature 0.|2\nHi", "--temperature  0…2"),
        ("%%wcode glm-5 --top_p=0.|2\nHi", "--top-p  0…1"),
        ("%%wcode glm-5 --no-log|probs\nHi", "--logprobs  true or false"),
        ("%%wcode glm-5 -o| answer\nHi", "-o, --output NAME\n\nStore the Reply"),
        ("%%wcode glm-5 -m| answer\nHi", "--model  a string"),
        ("%%wcode glm|-5\nHi", "GLM 5 (z-ai/glm-5)\n\n¥0.011→0.035/1k · 200k"),
        ("%%wcode local|\nHi", "local: embedded demo model"),
        ("%wcode rep|lay auto", "%wcode replay "),
        ("%wcode set temp|erature=0.2", "--temperature  0…2"),
        ("x = 1\n%wcode models glm-5|", "GLM 5"),
        ("%%wcode glm-5\nHi {{na|me}}", "name: str 'Ada'"),
        ("%%wcode glm-5\nHi {{name|", "name: str 'Ada'"),
        ("%%wcode glm-5 --system '{{na|me}}'\nHi", "name: str 'Ada'"),
        ("%%wcode glm-5 --each rows\nHi {{revi|ew}}", "review: a column of the rows"),
        ("%%wcode glm-5 --each rows\nHi {{na|me}}", "name: str 'Ada'"),
        ("%%wcode glm-5\nHi {{key|}}", "key: Secret"),
    ],
)
def test_what_stands_at_the_cursor(session: Session, code: str, wanted: str) -> None:
    """Options, values, models, commands, variables and columns; a key is never shown."""
    namespace = {"name": "Ada", "rows": [{"review": "good"}], "key": Secret("sk-0123456789abcdef")}
    found = inspect(code.replace("|", ""), code.index("|"), session, namespace)
    assert found is not None
    assert found.startswith(wanted)
    assert "0123456789" not in found


def test_a_word_that_tab_offers(session: Session) -> None:
    """JupyterLab's completer asks for the documentation of an offered word with a place beyond the end of the code."""
    assert (inspect("%%wcode glm-5\nHi {{name", 40, session, {"name": "Ada"})) == "name: str 'Ada'"


@pytest.mark.parametrize(
    "code", ["%%wcode glm-5\nHi {{no|ne}}", "%%wcode glm-5\nplain te|xt", "%%wcode --such|\nHi", "%%wcode gpt-|9\nHi"]
)
def test_nothing_is_known(session: Session, code: str) -> None:
    """A missing variable, prose, an unknown option or model: no documentation, and none of a Python name."""
    assert inspect(code.replace("|", ""), code.index("|"), session, {}) == ""


@pytest.mark.parametrize("code", ["pri|nt(1)", "%%wco|de glm-5\nHi", "%%wcode_other\nx|", "%%time\n# %%wcode x|"])
def test_ipython_answers_elsewhere(session: Session, code: str) -> None:
    """Python, other magics, and the magic itself, whose help IPython shows."""
    assert inspect(code.replace("|", ""), code.index("|"), session, {}) is None


def test_a_kernel_answers(kernel: Kernel) -> None:
    """The front end's request gets the text; Python is inspected as before, and so is all after unloading."""
    kernel.run("%load_ext wcode_jupyter\nname = 'Ada'")
    assert kernel.inspect("%%wcode glm-5\nHi {{name}}", 20) == "name: str 'Ada'"
    assert "String form" in kernel.inspect("name", 4)
    assert kernel.inspect("%%wcode glm-5\nHi {{print}}", 20) == ""
    kernel.run("%unload_ext wcode_jupyter")
    assert "Docstring" in kernel.inspect("%%wcode glm-5\nHi {{print}}", 20)
