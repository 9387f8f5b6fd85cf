"""Promises of the language door: English by default, Chinese on request, and never a failure."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import wcode_jupyter
from wcode_jupyter.language import N_, _, language, languages

VARIABLES = ("WCODE_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


@pytest.fixture(autouse=True)
def _no_language(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANGUAGE": "zh_CN:en", "LANG": "en_US.UTF-8"}, "zh_CN"),
        ({"LC_ALL": "en_US.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LANGUAGE": "en", "LC_ALL": "zh_CN.UTF-8"}, "en"),
        ({"LC_MESSAGES": "zh-Hans", "LANG": "en_US.UTF-8"}, "zh_CN"),
        ({"WCODE_LANG": "zh", "LANG": "en_US.UTF-8"}, "zh_CN"),
        ({"WCODE_LANG": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"WCODE_LANG": "", "LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"WCODE_LANG": "../../etc"}, "en"),
    ],
)
def test_the_language_follows_the_environment(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WCODE_LANG first, then the variables that gettext reads, in its order."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language() == expected


def test_the_language_can_change_while_running(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read at each call: no restart of the kernel."""
    assert language() == "en"
    monkeypatch.setitem(os.environ, "WCODE_LANG", "zh_CN")
    assert language() == "zh_CN"


@pytest.mark.parametrize("wish", ["en", "zh_CN"])
@pytest.mark.parametrize("text", ["", "No such sentence 4711 {name}", "100 %", "{"])
def test_text_without_a_translation_stays_as_it_is(wish: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing translation shows the English text; the empty text stays empty in every language."""
    monkeypatch.setenv("WCODE_LANG", wish)
    assert _(text) == text


def test_a_mark_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`N_` only marks: the text of a table stays English until it is shown."""
    monkeypatch.setenv("WCODE_LANG", "zh_CN")
    assert N_("Sampling") == "Sampling"


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ("zh_CN.UTF-8", "zh_CN"),
        ("zh-TW", "zh_CN"),
        ("zh", "zh_CN"),
        ("en_GB", "en"),
        ("fr_FR.UTF-8", "en"),
        ("C", "en"),
    ],
)
def test_a_locale_gets_the_nearest_language(wish: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same one, else another of the same tongue, else English."""
    monkeypatch.setenv("WCODE_LANG", wish)
    assert language() == expected
    assert expected in languages()


def test_each_folder_of_texts_is_a_language() -> None:
    """Whoever adds a folder adds its name to `Language`, and the other way round."""
    folders = [folder.name for folder in (Path(wcode_jupyter.__file__).parent / "locale").iterdir() if folder.is_dir()]
    assert sorted(languages()) == sorted(["en", *folders])
