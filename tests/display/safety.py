"""A judge of HTML that knows nothing of the renderer: lists what is not on its own short list."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_PLAIN = (
    "p h1 h2 h3 h4 h5 h6 ul li blockquote hr br em strong s sub sup table thead tbody tr pre code b i summary".split()  # noqa: SIM905
)
_CELL = {"align": r"right|center"}
ALLOWED: dict[str, dict[str, str]] = {
    **{tag: {} for tag in _PLAIN},
    "ol": {"start": r"\d+"},
    "th": _CELL,
    "td": _CELL,
    "a": {"href": r"(?i)(https?://|mailto:)[^\s\"<>]+", "target": "_blank", "rel": "noopener noreferrer nofollow"},
    "span": {
        "class": r"[smfbdi]|mathjax_process tex2jax_process",
        "title": r"(Seconds|Tokens|Output|Cost:|Answered|The server) [^<>&\"]*",
    },
    "pre": {"class": "wcode-text"},
    "div": {
        "class": r"wcode-(answer mathjax_ignore tex2jax_ignore|mark|status|thoughts|reasoning|live|folding|waiting)"
        r"|mathjax_process tex2jax_process",
        "dir": "auto",
        "style": r"--wcode-lines:\d",
    },
    "details": {"class": "wcode-reasoning", "open": "", "style": "display:inline"},
    "summary": {"style": "display:inline"},
}
"""Tag -> attribute -> what its whole value may be."""

FORBIDDEN_TEX = re.compile(r"\\(href|class|cssId|style|require|unicode|def|newcommand|bbox|mmlToken|let)(?![A-Za-z])")


class Judge(HTMLParser):
    """`faults` holds every tag, attribute, comment and formula that should not be there."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.text = ""
        self.links: list[str] = []
        self._stack: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        allowed = ALLOWED.get(tag)
        if allowed is None:
            self.faults.append(f"<{tag}>")
            return
        for name, value in attrs:
            if name not in allowed or not re.fullmatch(allowed[name], value or ""):
                self.faults.append(f"<{tag} {name}={value!r}>")
            if name == "href":
                self.links.append(value or "")
        if tag not in ("br", "hr"):
            self._stack.append((tag, any("mathjax_process" in (value or "") for _name, value in attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._stack or self._stack[-1][0] != tag:
            self.faults.append(f"</{tag}> out of order")
        elif self._stack:
            self._stack.pop()

    def handle_data(self, data: str) -> None:
        self.text += data
        if any(process for _tag, process in self._stack) and FORBIDDEN_TEX.search(data):
            self.faults.append(f"formula {data!r}")

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.faults.append(f"<!{decl}>")

    def unknown_decl(self, data: str) -> None:
        self.faults.append(f"<![{data}]>")

    def handle_pi(self, data: str) -> None:
        self.faults.append(f"<?{data}>")


def judge(html: str) -> Judge:
    """What a parser sees in `html`; the tags must nest, and all be closed."""
    found = Judge()
    found.feed(html)
    found.close()
    found.faults += [f"<{tag}> not closed" for tag, _process in found._stack]
    return found
