"""The translations, made and checked: `python -m tests.i18n update` after texts changed, `check` for what is missing.

`update` collects every text of the package that stands in `_()` or `N_()`, keeps the translations there are, writes the
catalogue (`.po`, for people) and compiles it (`.mo`, for gettext), and lists what still has no translation.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import Catalog
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

DOMAIN = "wcode_jupyter"
LOCALE = "zh_CN"
PACKAGE = Path(__file__).resolve().parents[1] / DOMAIN
PO = PACKAGE / "locale" / LOCALE / "LC_MESSAGES" / f"{DOMAIN}.po"
MO = PO.with_suffix(".mo")
MARKERS = ("_", "N_")

# gettext wants dates in the header; the real one would change the file at every update.
_DATE = datetime(2026, 1, 1, tzinfo=UTC)
_HEADER = f"""\
# Simplified Chinese texts of {DOMAIN}.
# Made with `python -m tests.i18n update`: write translations here, then run it again."""
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
# What the user types: options, commands, variables. They are the same in every language.
_TYPED = re.compile(
    r"(?<![\w-])--[a-z][a-z-]*|%%wcode\b|%wcode\b(?: [a-z]+\b)?|\bWCODE_[A-Z_]+|https?://(?:[\w.-]+(?:/[\w/-]+)?)?"
)


def sources() -> Iterator[Path]:
    """The modules of the package."""
    return iter(sorted(PACKAGE.rglob("*.py")))


def extracted() -> dict[str, list[str]]:
    """Every text in the code -> the modules that show it, both in the order of the code."""
    texts: dict[str, list[str]] = {}
    for path in sources():
        module = path.relative_to(PACKAGE).as_posix()
        for call in _calls(path.read_text(encoding="utf-8")):
            if text := _literal(call):
                modules = texts.setdefault(text, [])
                if module not in modules:
                    modules.append(module)
    return texts


def _calls(source: str) -> list[ast.Call]:
    """Calls of a marker, in the order of the code. Babel's own extraction overlooks those inside f-strings."""
    calls = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKERS
    ]
    return sorted(calls, key=lambda call: (call.lineno, call.col_offset))


def _literal(call: ast.Call) -> str | None:
    """The text of a call whose only argument is one literal."""
    if len(call.args) == 1 and not call.keywords and isinstance(call.args[0], ast.Constant):
        text = call.args[0].value
        return text if isinstance(text, str) else None
    return None


def translations() -> dict[str, str]:
    """The texts of the catalogue -> their translation, empty where there is none."""
    return {} if not PO.exists() else _texts(catalogue())


def compiled() -> dict[str, str]:
    """The same as gettext reads it."""
    with MO.open("rb") as file:
        return _texts(read_mo(file))


def catalogue() -> Catalog:
    """The `.po` file as it stands."""
    with PO.open("rb") as file:
        return read_po(file, locale=LOCALE, domain=DOMAIN)


def _texts(catalog: Catalog) -> dict[str, str]:
    return {str(message.id): str(message.string) for message in catalog if message.id}


def unextractable(source: str) -> Iterator[str]:
    """Calls of `_` or `N_` whose text no tool can collect: f-strings, sums, `.format()` inside, several arguments.

    Each as `line: code`. `_(row.help)` is allowed: its text was marked by `N_` where it stands.
    """
    for call in _calls(source):
        looked_up = (
            ast.unparse(call.func) == "_" and len(call.args) == 1 and not call.keywords and _is_looked_up(call.args[0])
        )
        if _literal(call) is None and not looked_up:
            yield f"{call.lineno}: {ast.unparse(call)}"


def _is_looked_up(text: ast.expr) -> bool:
    """Whether an expression only fetches a text that stands elsewhere, and makes none."""
    made = (ast.JoinedStr, ast.BinOp)
    return not any(
        isinstance(part, made) or (isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value)
        for part in ast.walk(text)
    )


def faults(text: str, translation: str) -> list[str]:
    """What is wrong with a translation: a placeholder, or something that the user types, that is not in both."""
    found = []
    for kind, pattern in (("placeholders", _PLACEHOLDER), ("typed", _TYPED)):
        ours, theirs = sorted(pattern.findall(text)), sorted(pattern.findall(translation))
        if ours != theirs:
            found.append(f"{kind} {ours} became {theirs}")
    return found


def update(known: Mapping[str, str] | None = None) -> None:
    """Writes `.po` and `.mo` for the texts that the code has now, translated as `known` says (else as before)."""
    known = {**translations(), **(known or {})}
    catalog = Catalog(
        locale=LOCALE,
        domain=DOMAIN,
        project=DOMAIN,
        header_comment=_HEADER,
        creation_date=_DATE,
        revision_date=_DATE,
        version="0.1",
        msgid_bugs_address="the issue tracker",
        last_translator=f"{DOMAIN} contributors",
        language_team="Simplified Chinese",
        fuzzy=False,
    )
    for text, modules in extracted().items():
        catalog.add(text, known.get(text, ""), locations=[(module, 0) for module in modules])
    PO.parent.mkdir(parents=True, exist_ok=True)
    PO.write_bytes(_written(catalog))
    with MO.open("wb") as file:
        write_mo(file, catalog)


def _written(catalog: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=120, include_lineno=False)
    return buffer.getvalue()


def problems() -> list[str]:
    """All that is wrong with the catalogue, a line each; empty when it is whole."""
    wanted, given = extracted(), translations()
    found = [f"no translation: {text!r} ({', '.join(wanted[text])})" for text in wanted if not given.get(text)]
    found += [f"no longer in the code: {text!r}" for text in given if text not in wanted]
    found += [f"{text!r}: {fault}" for text, done in given.items() if done for fault in faults(text, done)]
    found += [
        f"{path.relative_to(PACKAGE)}:{call}"
        for path in sources()
        for call in unextractable(path.read_text(encoding="utf-8"))
    ]
    if PO.exists():
        found += [f"fuzzy: {message.id!r}" for message in catalogue() if message.id and message.fuzzy]
        if not MO.exists() or compiled() != {text: done for text, done in given.items() if done}:
            found.append(f"{MO.name} is not {PO.name} compiled")
    return found


def main(arguments: list[str]) -> int:
    """`update` or `check`; 1 when something is missing or wrong."""
    if arguments not in (["update"], ["check"]):
        print("usage: python -m tests.i18n update|check", file=sys.stderr)
        return 2
    if arguments == ["update"]:
        update()
    found = problems()
    print("\n".join(found) or f"{len(translations())} texts, all translated")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
