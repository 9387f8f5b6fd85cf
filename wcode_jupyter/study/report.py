"""Reports of a study's account: Markdown, plain text, LaTeX and BibTeX."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..language import _
from ..session.account import MethodsRow, plain, server, spelled
from .methods import Study, quantization

__all__ = ["FORMATS", "to_bibtex", "to_latex", "to_markdown", "to_text"]


def to_markdown(study: Study) -> str:
    """The paragraph, the table, then prompts, templates and sources."""
    if not study.rows:
        return study.account.to_markdown()
    table = study.account.to_markdown().partition("\n\n")[2].rstrip()
    blocks = [" ".join(study.sentences()), table]
    for title, text in _texts(study):
        blocks.append(f"**{_md(title)}**\n\n{_fenced(text)}")
    return "\n\n".join([*blocks, _sources(study)]).rstrip() + "\n"


def to_text(study: Study) -> str:
    """The same without markup: one figure per line."""
    if not study.rows:
        return study.account.to_markdown()
    lines = [" ".join(study.sentences()), ""]
    for fact in study.facts():
        first, *rest = fact.value.split("\n")
        lines += [f"{fact.name}: {first}", *(f"    {line}" for line in rest)]
    return "\n".join([*lines, "", _sources(study)]).rstrip() + "\n"


def to_latex(study: Study) -> str:
    """The paragraph and a table (`tabular`, no package needed), each model cited by its BibTeX key."""
    if not study.rows:
        return _latex(study.account.to_markdown())
    heads = [_("Model"), _("Server"), _("Days (UTC)"), _("Parameters"), _("n"), _("Failed"), _("RMB")]
    rows = [
        (
            f"{_latex(row.model)}~\\cite{{{_key(row)}}}",
            *map(
                _latex,
                (
                    server(row),
                    _days(row),
                    "; ".join(map(spelled, row.settings)),
                    str(row.n),
                    str(row.failures),
                    "–" if row.cost_cny is None else plain(row.cost_cny),
                ),
            ),
        )
        for row in study.rows
    ]
    lines = [
        _latex(" ".join(study.sentences())),
        "",
        "\\begin{tabular}{lllp{0.3\\linewidth}rrr}",
        "\\hline",
        " & ".join(map(_latex, heads)) + r" \\",
        "\\hline",
        *(" & ".join(row) + r" \\" for row in rows),
        "\\hline",
        "\\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def to_bibtex(study: Study) -> str:
    """An entry for each model at each server."""
    return "\n".join(_entry(row) for row in study.rows)


FORMATS: dict[str, Callable[[Study], str]] = {"text": to_text, "latex": to_latex, "bibtex": to_bibtex}
"""Formats besides Markdown, by the option that asks for them."""


def _texts(study: Study) -> list[tuple[str, str]]:
    """Titles and texts of system prompts, templates and one instance."""
    found = []
    for row in study.rows:
        systems = [text for text in row.systems if text]
        found += [(_("System prompt of {model}").format(model=row.model), text) for text in systems]
        found.append((_("First prompt sent to {model}").format(model=row.model), row.example))
    for run in study.runs:
        title = _("Prompt template of {name}, its beginning") if run.cut else _("Prompt template of {name}")
        found.append((title.format(name=run.name), run.prompt))
    return [(title, text) for title, text in dict.fromkeys(found) if text]


def _sources(study: Study) -> str:
    names = [f"{source.name} ({len(source.lines) or source.answers})" for source in study.sources]
    return _("Counted from: {names}.").format(names=", ".join(names)) if names else ""


def _fenced(text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _md(text: str) -> str:
    return re.sub(r"([\\`*_<\[])", r"\\\1", text)


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    **{char: f"\\{char}" for char in "&%$#_{}"},
}


def _latex(text: str) -> str:
    return "".join(_LATEX.get(char, char) for char in text.replace("\n", " "))


def _key(row: MethodsRow) -> str:
    """A BibTeX key: `z-ai-glm-5-2026`."""
    year = str(row.last.year) if row.last else "undated"
    return re.sub(r"[^A-Za-z0-9]+", "-", f"{row.model} {year}").strip("-")


def _days(row: MethodsRow) -> str:
    return " – ".join(str(day) for day in dict.fromkeys((row.first, row.last)) if day) or "–"


def _entry(row: MethodsRow) -> str:
    notes = [
        _("answered as {names}").format(names=", ".join(row.answered)) if row.answered else "",
        _("server versions {names}").format(names=", ".join(row.system_fingerprints))
        if row.system_fingerprints
        else "",
        _("quantization {name}").format(name=quantization(row)) if quantization(row) else "",
        _("asked {days}").format(days=_days(row)) if row.last else "",
    ]
    fields = {
        "title": row.model,
        "howpublished": server(row),
        "year": str(row.last.year) if row.last else "",
        "note": "; ".join(filter(None, notes)),
    }
    body = ",\n".join(f"  {name} = {{{_latex(value)}}}" for name, value in fields.items() if value)
    return f"@misc{{{_key(row)},\n{body}\n}}\n"
