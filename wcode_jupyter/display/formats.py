"""An answer's text as HTML in each of the formats a cell may ask for; all of them safe in a trusted notebook."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable

from ..characters import escape
from ..language import _
from ..request.messages import json_value
from .highlight import highlight
from .markdown import is_affordable, parser, render
from .renderer import code_block, plain

__all__ = ["FORMATS", "RENDERERS", "plain"]


def _fences(text: str) -> list[tuple[str, str]]:
    """(source, language) of each fenced block, in order."""
    if not is_affordable(text):
        return []
    fences = [token for token in parser().parse(text) if token.type == "fence"]
    return [(token.content, next(iter(token.info.split()), "")) for token in fences]


def _code_only(text: str) -> str:
    return "".join(code_block(source, language) for source, language in _fences(text) or [(text, "")])


def _json(text: str) -> str:
    if not is_affordable(text):
        return render(text)
    for source in (text, *(source for source, _language in _fences(text)[:1])):
        try:
            value = json_value(source)
            return f"<pre><code>{_tree(value)}</code></pre>\n"
        except (ValueError, RecursionError):
            continue
    note = escape(_("This is not valid JSON; shown as text."))
    return f'<div class="wcode-mark">{note}</div>\n{code_block(text)}'


_DEEPEST = 20
"""Levels that are indented: a line at level n begins with 2n blanks."""
_FOLD_AT = 12
"""Lines of a nested value from which it can be folded."""


def _tree(value: object, depth: int = 0) -> str:
    """Highlighted JSON, indented by two; large nested values in an open `<details>`."""
    if not isinstance(value, (dict, list)) or not value or depth > _DEEPEST:
        return highlight(json.dumps(value, ensure_ascii=False), "json")
    brackets = "{}" if isinstance(value, dict) else "[]"
    items = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    pad = "  " * (depth + 1)
    lines = [pad + _key(key) + _tree(item, depth + 1) for key, item in items]
    body = ",\n".join(lines)
    close = f"{'  ' * depth}{brackets[1]}"
    if depth == 0 or body.count("\n") + 1 < _FOLD_AT:
        return f"{brackets[0]}\n{body}\n{close}"
    summary = f'<summary style="display:inline">{brackets[0]}</summary>'
    return f'<details open style="display:inline">{summary}\n{body}\n{close}</details>'


def _key(key: str | None) -> str:
    return "" if key is None else f"<b>{escape(json.dumps(key, ensure_ascii=False), quote=False)}</b>: "


_DELIMITED = ("$$", r"\[", r"\(", "$", r"\begin{")


def _latex(text: str) -> str:
    stripped = text.strip()
    return render(stripped if stripped.startswith(_DELIMITED) else f"$$\n{stripped}\n$$")


_POLICY = (
    '<!DOCTYPE html><meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "style-src 'unsafe-inline'; img-src data:; font-src data:\">"
)


# No policy covers `<link rel="preconnect">` and `dns-prefetch`, and nothing in a frame needs these elements.
_CONNECTS = re.compile(r"<(?=(?:link|base|meta)\b)", re.IGNORECASE)


def _frame(text: str) -> str:
    """The page that the model wrote, in a frame without scripts whose policy, set before any of it, fetches nothing."""
    pages = [source for source, language in _fences(text) if language.lower() in ("html", "svg", "")]
    page = _POLICY + _CONNECTS.sub("<x-", pages[0] if pages else text)
    return f'<iframe sandbox="" referrerpolicy="no-referrer" srcdoc="{html.escape(page)}"></iframe>\n'


RENDERERS: dict[str, Callable[[str], str]] = {
    "markdown": render,
    "text": plain,
    "json": _json,
    "code": _code_only,
    "html": _frame,
    "latex": _latex,
}
FORMATS = tuple(RENDERERS)
