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
from typing import Literal, TypeAlias

__all__ = ["N_", "Language", "_", "language", "speaking"]

Language: TypeAlias = Literal["en", "zh_CN"]
"""The languages that there are: no other text can choose a catalogue, whichever file it comes from."""

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


def language() -> Language:
    """The language in force: `zh_CN` or `en`, read from the environment at each call so that it can be changed."""
    if spoken := _speaking.get():
        return spoken
    for name in _ENVIRONMENT:
        if wish := os.environ.get(name):
            return "zh_CN" if wish.lower().replace("-", "_").startswith("zh") else "en"
    return "en"


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
