"""Characters that cannot be seen: the one function that makes them visible wherever text of others is shown.

Controls move the cursor, rename the window or write the clipboard; direction marks reorder what is read; zero-width
characters hide text. Those that a script or an emoji needs stay: a joiner after a letter of a joining script or
between two emoji, a variation selector after what can vary, the tags of a flag, a break between words of scripts
without spaces. Everything is a single pass over the text.
"""

from __future__ import annotations

import html
import re

__all__ = ["blanks", "escape", "spaced", "visible"]

# Ranges as Unicode's blocks have them: Arabic to Sinhala, Tibetan to Khmer, Mongolian and the newer Indic blocks.
_JOINING = (
    "\u0600-\u08ff\u0900-\u0dff\u0f00-\u0fff\u1000-\u109f\u1780-\u18af\u1900-\u1aaf\u1b00-\u1c4f\u1cd0-\u1cff"
    "\ua840-\ua8ff\ua900-\ua9df\uaa00-\uaadf\uabc0-\uabff\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff"
)
_SPACELESS = "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u1aaf\uaa00-\uaadf"
_EMOJI = "\u00a9\u00ae\u203c\u2049\u2100-\u2bff\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff"
_VARYING = "#*0-9\u00a9\u00ae\u1000-\u109f\u2010-\u2027\u2030-\u205e\u2070-\ud7ff\uf900-\ufaff\U00010a00-\U0003ffff"

_KEPT = "|".join(
    [
        "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f",  # the flag of England
        f"(?<=[{_JOINING}])[\u200c\u200d]",
        f"(?<=[{_EMOJI}])\u200d(?=[{_EMOJI}])",
        f"(?<=[{_SPACELESS}])\u200b(?=[{_SPACELESS}])",
        f"(?<=[{_VARYING}])[\ufe00-\ufe0f\U000e0100-\U000e01ef]",
    ]
)
_UNSEEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"
    # Marks, embeddings, overrides and isolates that reorder what is read; line and paragraph separators.
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    # No width, or no ink: hyphens of another line, joiners, fillers, selectors, annotations, tags.
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    # Half a character.
    "\ud800-\udfff"
)
_SUSPECT = re.compile(f"[{_UNSEEN}]")
_PATTERN = re.compile(f"({_KEPT})|[{_UNSEEN}]")


def visible(text: str) -> str:
    """`text` with every unseen character as a sign (`␛`, `⟨U+202E⟩`); tabs and line ends stay."""
    if _SUSPECT.search(text) is None:
        return text
    return _PATTERN.sub(_sign, text.replace("\r\n", "\n"))


def _sign(match: re.Match[str]) -> str:
    if match[1]:
        return match[1]
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)  # Unicode's control pictures
    if code == 0x7F:
        return "␡"
    return f"⟨{code:02X}⟩" if code < 0xA0 else f"⟨U+{code:04X}⟩"


def escape(text: str, quote: bool = True) -> str:
    """`text` as HTML: nothing of it is markup, and nothing of it is unseen."""
    return html.escape(visible(text), quote=quote)


def spaced(text: str) -> str:
    """`text` with a blank for every unseen or unprintable character, line ends and tabs included."""
    if text.isprintable() and _SUSPECT.search(text) is None:
        return text
    kept = _PATTERN.sub(lambda match: match[1] or " ", text)
    return "".join(c if c.isprintable() or _SUSPECT.match(c) else " " for c in kept)


_BLANKS = re.compile(r"[ \u1680\u2000-\u200a\u202f\u205f\u2800\u3000\u00a0]{2,}|[\u1680\u2800]")
_COUNTED = 16
"""Blanks in a row that are counted instead of drawn."""


def blanks(text: str) -> str:
    """`text` with blanks in a row drawn (`␠␠`) or, where there are many, counted: nothing hides behind them."""
    return _BLANKS.sub(_drawn, text)


def _drawn(match: re.Match[str]) -> str:
    count = len(match[0])
    return "␠" * count if count <= _COUNTED else f"⟨{count} × ␠⟩"
