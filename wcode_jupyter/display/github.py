"""What GitHub's Markdown adds, and models write: `<br>`, `<sub>`, `<sup>` without attributes, and task lists.

No tag of the text reaches the page: these become tokens, and the renderer writes tags of its own for them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline

__all__ = ["github_plugin"]

_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_RAISED = re.compile(r"<(su[bp])>([^<>\n]{1,200})</\1>", re.IGNORECASE)
_TASK = re.compile(r"\[([ xX])\](?=\s)")
_BOXES = {" ": "☐", "x": "☑"}


def github_plugin(md: MarkdownIt) -> None:
    """Adds them to a parser."""
    md.inline.ruler.before("autolink", "bare_tag", _tag)
    md.core.ruler.push("tasks", _tasks)


def _tag(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "<":
        return False
    if found := _BREAK.match(state.src, state.pos, state.posMax):
        if not silent:
            state.push("hardbreak", "br", 0)
        state.pos = found.end()
        return True
    if not (found := _RAISED.match(state.src, state.pos, state.posMax)):
        return False
    if not silent:
        tag = found[1].lower()
        end = state.posMax
        state.push(f"{tag}_open", tag, 1).markup = f"<{tag}>"
        state.pos, state.posMax = found.span(2)
        state.md.inline.tokenize(state)
        state.posMax = end
        state.push(f"{tag}_close", tag, -1).markup = f"</{tag}>"
    state.pos = found.end()
    return True


def _tasks(state: StateCore) -> None:
    """`- [x]` at the start of an item becomes a box."""
    for item, paragraph, inline in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if item.type != "list_item_open" or paragraph.type != "paragraph_open" or not inline.children:
            continue
        first = inline.children[0]
        if first.type == "text" and (found := _TASK.match(first.content)):
            first.content = _BOXES[found[1].lower()] + first.content[found.end() :]
