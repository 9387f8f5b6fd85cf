"""Account of a study for its paper: from the session's answers, replay files and run files together.

An answer that several of them hold counts once. Every figure is a `Fact` that says which lines of which files it was
counted from, so that it can be checked by hand. What is not known is left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from ..catalogue import Catalogue
from ..language import _
from ..local.fetch import DEMO
from ..reply import Reply
from ..request.messages import LOCAL
from ..session.account import Account, AccountEntry, Methods, MethodsRow, identity, paragraph, plain, server, spelled
from ..table import Table
from .sources import RunFacts, is_run_file, read, run_facts

__all__ = ["Fact", "Source", "Study", "study"]


# As llama.cpp names it in the names of its files: Q4_K_M, IQ3_XS, BF16.
_QUANTIZED = re.compile(r"(?<![A-Za-z0-9])(I?Q\d\w*|B?F(?:16|32))(?![A-Za-z0-9])")


class Source(Struct, frozen=True):
    """Where answers were counted from. `lines` are those of answers that no source before it holds."""

    name: str
    kind: str
    """`session`, `replay file` or `run file`."""
    answers: int
    lines: tuple[int, ...] = ()

    @property
    def place(self) -> str:
        """Name and lines: `a.run.jsonl: 2-41, 43`."""
        return f"{self.name}: {_ranges(self.lines)}" if self.lines else self.name


class Fact(Struct, frozen=True):
    """A figure or text of the account, and where it comes from."""

    subject: str
    """The model with its server, a file, or the study."""
    kind: str
    value: str
    origin: tuple[str, ...]

    @property
    def name(self) -> str:
        """`z-ai/glm-5 (wcode.net): requests`."""
        return f"{self.subject}: {self.kind}"


class Study(Struct, frozen=True, kw_only=True):
    """The account of a study."""

    account: Methods
    by_source: tuple[tuple[Source, Methods], ...]
    """What each source adds to the account."""
    runs: tuple[RunFacts, ...] = ()
    findings: tuple[AccountEntry, ...] = ()

    @property
    def rows(self) -> tuple[MethodsRow, ...]:
        """A row for each model, server and protocol."""
        return self.account.rows

    @property
    def sources(self) -> tuple[Source, ...]:
        """All that was read, in order."""
        return tuple(source for source, _account in self.by_source)

    def facts(self) -> tuple[Fact, ...]:
        """Every figure with its origin: for each model in turn, then for each run."""
        found = [fact for row in self.rows for fact in self._of_row(row)]
        for run in self.runs:
            own = (run.name,)
            found += [
                Fact(run.name, "rows", str(run.rows), own),
                Fact(run.name, "samples", str(run.samples), own),
                Fact(run.name, "prompt template", run.prompt, (f"{run.name}: 1",)),
            ]
        found += [
            Fact(source.name, "answers", str(source.answers), (source.place,))
            for source in self.sources
            if source.kind != "session"
        ]
        return (*found, *(Fact("study", f"finding {one.kind}", one.text, (one.origin,)) for one in self.findings))

    def _of_row(self, row: MethodsRow) -> Iterable[Fact]:
        origin = tuple(
            source.place for source, account in self.by_source if any(_same(other, row) for other in account.rows)
        )
        for name, value in _values(row).items():
            if value:
                yield Fact(f"{row.model} ({server(row)})", name, value, origin)

    def trace(self) -> Table:
        """All facts, for the eye."""
        return Table(
            columns=(_("figure"), _("value"), _("counted from")),
            rows=tuple((fact.name, fact.value, "; ".join(fact.origin)) for fact in self.facts()),
        )

    def sentences(self) -> list[str]:
        """The paragraph for a paper, a sentence each; none without answers."""
        if not self.rows:
            return []
        failed = sum((Counter(row.failed) for row in self.rows), Counter[str]())
        found = [paragraph(self.account)]
        if failed:
            kinds = ", ".join(f"{kind} {count}" for kind, count in failed.most_common())
            found.append(_("Failures by kind: {kinds}.").format(kinds=kinds))
        if retries := sum(row.retries for row in self.rows):
            found.append(_("{n} attempts were sent again automatically.").format(n=retries))
        if repeats := max(row.repeats for row in self.rows):
            found.append(
                _("There were {questions} distinct requests, each sent at most {repeats} times.").format(
                    questions=sum(row.questions for row in self.rows), repeats=repeats
                )
            )
        found += [
            _("{name}: {rows} rows, {samples} samples for each row, model and setting.").format(
                name=run.name, rows=run.rows, samples=run.samples
            )
            for run in self.runs
        ]
        found += [text for row in self.rows if (text := _measured(row))]
        return found + [finding.text for finding in self.findings]


def study(
    files: Iterable[Path],
    catalogue: Catalogue,
    *,
    session: Account | None = None,
    findings: Iterable[AccountEntry] = (),
) -> Study:
    """The account of a session and of replay and run files. Raises ReplayError: a file cannot be read."""
    total = Account() if session is None else session.copy()
    parts: list[tuple[Source, Methods]] = []
    runs = []
    if own := total.methods(catalogue).rows:
        parts.append((Source("session", "session", sum(row.n for row in own)), total.methods(catalogue)))
    for path in files:
        answers = ((answer.line, answer.reply) for answer in read(path))
        kind = "run file" if path.exists() and is_run_file(path) else "replay file"
        parts.append(_counted(path.name, kind, answers, total, catalogue))
        if kind == "run file":
            runs.append(run_facts(path))
    return Study(account=total.methods(catalogue), by_source=tuple(parts), runs=tuple(runs), findings=tuple(findings))


def _counted(
    name: str, kind: str, answers: Iterable[tuple[int, Reply]], total: Account, catalogue: Catalogue
) -> tuple[Source, Methods]:
    own = Account()
    lines: list[int] = []
    count = 0
    alike: Counter[int] = Counter()
    for line, reply in answers:
        count += 1
        # A merge may double a line of a replay file; a run file is never merged, and each of its lines was paid.
        answer = identity(reply)
        occurrence = alike[answer] if kind == "run file" else 0
        alike[answer] += 1
        if total.add(reply, occurrence=occurrence):
            own.add(reply, occurrence=occurrence)
            lines.append(line)
    return Source(name, kind, count, tuple(lines)), own.methods(catalogue)


def _same(a: MethodsRow, b: MethodsRow) -> bool:
    return (a.model, a.endpoint, a.protocol) == (b.model, b.endpoint, b.protocol)


def _values(row: MethodsRow) -> dict[str, str]:
    """The figures of a row by name, as texts; "" where it is not known."""
    return {
        "server": server(row),
        "model answered": ", ".join(row.answered),
        "system_fingerprint": ", ".join(row.system_fingerprints),
        "quantization": quantization(row),
        "days (UTC)": " – ".join(str(day) for day in dict.fromkeys((row.first, row.last)) if day),
        "parameters": "; ".join(map(spelled, row.settings)),
        "requests": str(row.n),
        "distinct requests": str(row.questions),
        "repeats": str(row.repeats),
        "seeds": ", ".join(map(str, row.seeds)),
        "failures": str(row.failures),
        **{f"failures, {kind}": str(count) for kind, count in row.failed.items()},
        "retries": str(row.retries) if row.retries else "",
        "input tokens": str(row.input_tokens),
        "output tokens": str(row.output_tokens),
        "cost (RMB)": "" if row.cost_cny is None else plain(row.cost_cny),
        "requests of unknown cost": str(row.unpriced),
        "price list of": str(row.priced_on or ""),
        "median time of an answer (s)": _seconds(row.total_s),
        "median time to first token (s)": _seconds(row.first_token_s),
        **{f"system prompt {number}": text for number, text in enumerate(filter(None, row.systems), 1)},
        "first prompt": row.example,
    }


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def quantization(row: MethodsRow) -> str:
    """Quantization of the embedded model; "" for others, whose server does not say."""
    if row.endpoint != LOCAL:
        return ""
    found = _QUANTIZED.findall(DEMO.member if row.model == LOCAL else row.model)
    return found[-1] if found else ""


def _measured(row: MethodsRow) -> str:
    parts = []
    if row.system_fingerprints:
        parts.append(_("server versions {names}").format(names=", ".join(row.system_fingerprints)))
    if bits := quantization(row):
        parts.append(_("quantization {name}").format(name=bits))
    if row.total_s is not None:
        parts.append(_("median time of an answer {seconds} s").format(seconds=_seconds(row.total_s)))
    if row.seeds:
        parts.append(_("seeds {seeds}").format(seeds=", ".join(map(str, row.seeds))))
    return f"{row.model}: {', '.join(parts)}." if parts else ""


def _ranges(numbers: tuple[int, ...]) -> str:
    """`2-5, 7` for 2, 3, 4, 5, 7."""
    found: list[list[int]] = []
    for number in sorted(set(numbers)):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in found)
