"""The manual: one page for each topic, in each language. `%wcode help TOPIC` shows it, offline.

A page is a Markdown file `<language>/<topic>.md`; a new file is a new topic. The tables between `<!-- name -->` marks
are generated from the tables of the code: `python -m tests.test_docs` writes them.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import OptionError
from ..language import _, language
from ..request.parameters import did_you_mean

__all__ = ["page", "topics"]

_PAGES = Path(__file__).parent


def topics() -> tuple[str, ...]:
    """Names of the pages, in alphabetical order."""
    return tuple(sorted(path.stem for path in (_PAGES / "en").glob("*.md")))


def page(topic: str) -> str:
    """The page of `topic` as Markdown, in the language in force; in English where it is not translated.

    Raises OptionError: there is no such page.
    """
    if topic not in topics():
        hint = did_you_mean(topic, topics()) or _("Topics: {topics}").format(topics=", ".join(topics()))
        raise OptionError(_("There is no help on {topic}").format(topic=topic), hint=hint)
    translated = _PAGES / language() / f"{topic}.md"
    return (translated if translated.is_file() else _PAGES / "en" / f"{topic}.md").read_text(encoding="utf-8")
