"""The one door through which text reaches a person: English in the code, other languages from `locale/`.

`_` translates when the text is shown, `N_` only marks text that a table holds. The language is `WCODE_LANG`
(`en`, `zh_CN`), else the locale's; a missing translation shows the English text.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias, get_args

__all__ = ["N_", "Language", "_", "language", "languages", "speaking"]

Language: TypeAlias = Literal["en", "zh_CN"]
"""The languages that there are, each but English a folder of `locale/`: no other text can choose a catalogue, whichever
file it comes from."""

_LOCALE_DIR = Path(__file__).parent / "locale"
# The order in which gettext itself looks for the user's wish.
_ENVIRONMENT = ("WCODE_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


_speaking: ContextVar[Language | None] = ContextVar("wcode_language", default=None)


@contextmanager
def speaking(wish: Language) -> Iterator[None]:
    """Texts inside are in the language `wish`: a replayed answer is shown in the language it was recorded in."""
    token = _speaking.set(wish)
    try:
        yield
    finally:
        _speaking.reset(token)


def languages() -> tuple[Language, ...]:
    """The languages there are, English first."""
    return get_args(Language)


def language() -> Language:
    """The language in force, read from the environment at each call so that it can be changed."""
    if spoken := _speaking.get():
        return spoken
    for name in _ENVIRONMENT:
        if wish := os.environ.get(name):
            return _nearest(wish)
    return "en"


@cache
def _nearest(wish: str) -> Language:
    """The language that serves a locale such as `zh_TW.UTF-8` best: the same one, else another of the same tongue."""
    name = wish.partition(".")[0].replace("-", "_").lower()
    for known in languages():
        if known.lower() == name:
            return known
    tongue = name.partition("_")[0]
    return next((known for known in languages() if known.lower().partition("_")[0] == tongue), "en")


@cache
def _translation(wish: Language) -> gettext.NullTranslations:
    return gettext.translation("wcode_jupyter", localedir=_LOCALE_DIR, languages=[wish], fallback=True)


def _(text: str) -> str:
    """`text` in the user's language."""
    # gettext's answer to the empty text is the header of its catalogue.
    return _translation(language()).gettext(text) if text else ""


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for a marker
    """Marks `text` for translation and returns it as it is: for tables read before the language is known."""
    return text
