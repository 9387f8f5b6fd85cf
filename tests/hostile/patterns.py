"""Texts made to be slow: a head, an atom that is repeated, and a tail. What is measured is how the cost grows."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CREDENTIALS", "FENCED", "PATTERNS", "Pattern"]


class Pattern(NamedTuple):
    """`head`, then `atom` until the text is as long as asked for, then `tail`."""

    head: str
    atom: str
    tail: str = ""

    def text(self, length: int) -> str:
        """The pattern with about `length` characters."""
        return self.head + self.atom * max(1, length // len(self.atom)) + self.tail


_MARKS = [
    "*", "_", "**", "__", "~~", "~", "`", "``", "[", "]", "![", "(", ")", "<", ">", "|", "#", "-", "+", "=", ":", "\\",
    "&", "&amp;", "&#", "!", "$", "$$", "\\(", "\\)", "\\[", "\\]", "\\begin{align}", "\\end{align}", "\\$", "{{", "://",
    "http://", "http://a.", "https://a/(", "https://a/*", "mailto:", "mailto:a@", "www.", "a@b.", "<a", "</", "<!--",
    "<?", "<![CDATA[", "<http://a>", "[a](", "[a](b", "[a](<b", "[a][", "[a]: ", "[a]", "![a](b)", "](", "][", "*a",
    "*a*", "*a_", "**a*", "_a_b", "a*b_", "`a", "`` a`", "$a", "$a$", "$$a$$", "$a\\$", "\\(a", "\\(a\\)", "\\[a\\]",
    "a|b", "|-", "eyJ", "-eyJ", "sk-", "sk-a", "bearer ", "://a:", "token=", "password: ", "AKIA", "hf_", "\u200d",
    "\u202e", "\x1b", "👩\u200d", "é", "中", "  ", "\t",
]  # fmt: skip
_LINES = [
    "", " ", ">", "> a", ">>", "- ", "- a", "* ", "+", "1.", "1. a", "1)", "#", "# a", "===", "---", "***", "___",
    "```", "~~~", "````", "```a", "~~~ a", "    a", "\ta", "|a|b|", "|-|-|", "|", "a|b\n-|-", "[a]: b", "[a]: <",
    "[a]:\n",
    "[^a]: b", "\\[", "\\]", "\\[a", "a\\]", "$$", "$$a", "a$$", "\\begin{align}", "\\end{align}", "\\begin{matrix}",
    "\\[\na", "$$\n\n", "- \\[", "> \\[", "> $$", "- ```", "> ```", "- a\n  - b", "- a\n\n", "a\n=", "a\n-", "<div>",
    "<!--", "</a>", "a  ", "a\\", "http://a.b/c", "&nbsp;", "- [ ] a", "| a |\n|---|", "{", "}", "[", '"a": 1,',
    "data: ",
]  # fmt: skip
_FENCED = [
    "(", "[", "{", "<", '"', "'", "`", "/", "/*", "//", "#", "-", "\n", " ", "a", "a ", "a.", "a(", "a:", "0.", "1e",
    "<a ", "<!--", "&", "=", "a=", "def ", "$", "${", "@", "\\", "%", "begin ", "#{",
]  # fmt: skip

PATTERNS: dict[str, Pattern] = {
    **{f"marks {mark!r}": Pattern("", mark) for mark in _MARKS},
    **{f"words {mark!r}": Pattern("", f"{mark} ") for mark in _MARKS},
    **{f"lines {line!r}": Pattern("", f"{line}\n") for line in _LINES},
    **{f"after text {line!r}": Pattern("a\n", f"{line}\na\n") for line in _LINES},
    "one address": Pattern("a http://", "a."),
    "closed far away": Pattern("", "\\[\n", "\\]\n"),
    "closed far away, in a line": Pattern("", "\\(", "\\)"),
    "closed in groups": Pattern("", "\\[\n" * 199 + "\\] a\n"),
    "open in groups": Pattern("", "\\[\n" * 199 + "\n"),
    "list of addresses": Pattern("", "- http://a.b/c d\n"),
    "deep list": Pattern("", "".join("  " * depth + "- a\n" for depth in range(30))),
    "deep quotes": Pattern("", ">" * 60 + " a\n"),
    "brackets in brackets": Pattern("[" * 500, "a", "]" * 500),
}
"""Name -> text of Markdown, some of it with what looks like credentials."""

CREDENTIALS: dict[str, Pattern] = {
    f"credential {mark!r}": Pattern("", mark)
    for mark in (
        "sk_live_", "SG.", "-----BEGIN ", "-----BEGIN A ", "PRIVATE KEY", "-----BEGIN PRIVATE KEY-----a", "M.a", "MNO",
        "1234567890", "1234567890:AA", "?sig=", "/api/webhooks/1234567890/", "hooks.slack.com/a/", "AccountKey=",
        "password='1", "pwd=\"a", "pwd='", "密码：'", "a_1.", "a-a-", "https://a:1@", "AGE-SECRET-KEY-1", "key-0",
    )
}  # fmt: skip
"""Beginnings of credentials again and again."""

FENCED: dict[str, str] = {f"{atom!r}": atom for atom in _FENCED}
"""Atoms of code, for every language that is coloured."""
