"""Presets: values under a name, in a file for people."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.kernels import Kernel
from wcode_jupyter.errors import InputError
from wcode_jupyter.magics.completion import candidates
from wcode_jupyter.session import Session
from wcode_jupyter.session.presets import Presets, presets_file

from ..panel.test_state import VALUES


@pytest.fixture
def presets(tmp_path: Path) -> Presets:
    return Presets(tmp_path / "folder" / "presets.toml", is_secret=lambda text: "sk-1" in text)


def test_all_values_come_back(presets: Presets) -> None:
    """Each of the 21 parameters and a text of several lines, JSON's null among them."""
    values = {"model": "z-ai/glm-5", "system": 'Say "no"\n\x7f停', **VALUES}
    presets.save("all", values)
    presets.save("other", {"temperature": 0.5})
    assert presets.load("all") == values
    assert presets.names() == ["all", "other"]


def test_the_file_is_for_people(presets: Presets) -> None:
    """TOML, a table for each name, lists and objects as such."""
    presets.save("my.preset", {"model": "glm-5", "stop": ["END"], "reasoning": {"effort": "high"}, "logprobs": True})
    assert presets.path.read_text() == (
        '["my.preset"]\nmodel = "glm-5"\nstop = ["END"]\nreasoning = {effort = "high"}\nlogprobs = true\n'
    )
    assert tomllib.loads(presets.path.read_text())["my.preset"]["stop"] == ["END"]


def test_a_shorthand_written_by_hand(presets: Presets) -> None:
    """What a person writes is read as on a line."""
    presets.path.parent.mkdir()
    presets.path.write_text('[x]\nreasoning = "high"\ntop-p = 0.5\n')
    assert presets.load("x")["reasoning"] == {"effort": "high"}


def test_delete(presets: Presets) -> None:
    """A deleted preset is gone, the others stay, and there is nothing to delete twice."""
    presets.save("a", {"top_k": 1})
    presets.save("b", {"top_k": 2})
    assert presets.delete("a")
    assert not presets.delete("a")
    assert presets.names() == ["b"]


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "x" * 65, "a\n"])
def test_names(presets: Presets, name: str) -> None:
    """A name is a word."""
    with pytest.raises(InputError):
        presets.save(name, {"top_k": 1})


@pytest.mark.parametrize("values", [{}, {"temperature": 3}, {"temprature": 1}, {"system": "key sk-1234"}])
def test_what_is_not_kept(presets: Presets, values: dict[str, object]) -> None:
    """Nothing, a bad value, an unknown name and a key are refused; no file is written."""
    with pytest.raises(InputError):
        presets.save("x", values)
    assert not presets.path.exists()


@pytest.mark.parametrize("text", ["[x", "x = 1\n", "[x]\ntemperature = 3\n", "[x]\nunknown = 3\n"])
def test_a_broken_file_is_said(presets: Presets, text: str) -> None:
    """One line that names the file or the preset."""
    presets.path.parent.mkdir()
    presets.path.write_text(text)
    with pytest.raises(InputError) as caught:
        presets.load("x")
    assert str(presets.path) in str(caught.value) or "x" in str(caught.value)


def test_did_you_mean(presets: Presets) -> None:
    """A misspelled name gets a hint."""
    presets.save("careful", {"top_k": 1})
    with pytest.raises(InputError, match="careful"):
        presets.load("carful")


def test_completion(monkeypatch: pytest.MonkeyPatch, presets: Presets) -> None:
    """Tab offers the names after `--preset` and `%wcode preset delete`, and the cell's options after `%wcode panel`."""
    presets.save("calm", {"top_k": 1})
    monkeypatch.setattr("wcode_jupyter.session.presets.presets_file", lambda: presets.path)
    assert candidates("%%wcode glm-5 --preset c", Session(), {}) == ("c", ["calm"])
    assert candidates("%wcode preset delete ", Session(), {}) == ("", ["calm"])
    assert candidates("%wcode preset ", Session(), {}) == ("", ["save", "list", "delete"])
    assert "--temperature" in candidates("%wcode panel --t", Session(), {})[1]
    presets.path.write_text("[")
    assert candidates("%%wcode --preset ", Session(), {})[1] != ["calm"]


def test_where_they_stand() -> None:
    """In the user's configuration folder, which the tests keep to themselves."""
    assert presets_file().name == "presets.toml"
    assert "wcode_jupyter" in presets_file().parent.name


def test_in_a_notebook(kernel: Kernel) -> None:
    """Saved by a command, used by a cell that still may say otherwise, listed and deleted."""
    kernel.run("%load_ext wcode_jupyter")
    assert kernel.run("%wcode preset save careful glm-5 --temperature 0.2 --stop 'a b'").error is None
    done = kernel.run("%%wcode --preset careful --temperature 0.7 --dry-run -o r\nHi")
    assert done.error is None, done.text
    assert kernel.run("r.model, r.parameters").text == "('z-ai/glm-5', {'temperature': 0.7, 'stop': ['a b']})"
    assert "glm-5 --temperature 0.2 --stop 'a b'" in kernel.run("%wcode preset list").text
    kernel.run("%wcode set top_k=3")
    kernel.run("%wcode preset save mine")
    assert "--top-k 3" in kernel.run("%wcode preset").text
    assert kernel.run("%wcode preset delete careful").error is None
    assert "careful" in (kernel.run("%%wcode --preset careful --dry-run\nHi").text or "")
    assert kernel.run("%wcode preset delete careful").error == "InputError"
    assert kernel.run("%wcode preset sav x").error == "OptionError"
    assert kernel.run("%wcode preset save").error == "OptionError"
