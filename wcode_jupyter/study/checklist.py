"""Checklists for studies with language models, filled from the facts of a study as far as a tool can.

The items follow the reporting checklist of llm-guidelines.org ("Guidelines for Empirical Studies in Software
Engineering involving Large Language Models", guidelines G1 to G8) in its order. Its items have no numbers of their own:
these are ours, and a paper cites the guideline in brackets. G3 and G4 are meant as in the releases of 2025; that of
June 2026 calls them system and prompt design, and session traces, and has more items. The second list has the items of
TRIPOD-LLM (Gallifant et al., Nature Medicine 31, 2025) that concern the model and its answers, by their own numbers.
Both are in our own words. An item is filled by facts that can be traced, needs the author's words, or does not apply.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

from msgspec import Struct

from ..language import N_, _
from ..request.messages import LOCAL
from ..table import Table
from .methods import Fact, Study

__all__ = ["GUIDELINES", "TRIPOD", "Entry", "Item", "State", "filled", "to_table"]

State: TypeAlias = Literal["filled", "words", "none"]
"""Filled from facts; needs the author's words; does not apply."""


class Item(Struct, frozen=True, kw_only=True):
    """One item of a checklist."""

    number: str
    text: str
    facts: tuple[str, ...] = ()
    """Names of the facts that fill it, without the model; findings by `finding KIND`."""
    applies: Callable[[Study], bool] | None = None
    """None: it is for the author to say whether it applies."""


class Entry(Struct, frozen=True):
    """What a study says of an item."""

    item: Item
    state: State
    facts: tuple[Fact, ...] = ()


def _several_models(study: Study) -> bool:
    return len({row.model for row in study.rows}) > 1


def _with_tools(study: Study) -> bool:
    return any("tools" in setting for row in study.rows for setting in row.settings)


def _embedded(study: Study) -> bool:
    return any(row.endpoint == LOCAL for row in study.rows)


def _with_template(study: Study) -> bool:
    return any(run.prompt for run in study.runs)


def _revised(study: Study) -> bool:
    return len({run.prompt for run in study.runs} | {text for row in study.rows for text in row.systems if text}) > 1


def _compared(study: Study) -> bool:
    """Whether models are compared, or prompts and values of one: the same statistics are asked for."""
    return _several_models(study) or any(one.kind in ("test", "compare") for one in study.findings)


def _never(_study: Study) -> bool:
    return False


def _items(*rows: Item | tuple[str, str]) -> tuple[Item, ...]:
    return tuple(row if isinstance(row, Item) else Item(number=row[0], text=row[1]) for row in rows)


_CONFIGURATION = ("model answered", "system_fingerprint", "parameters", "days (UTC)")
_PROMPTS = ("prompt template", "first prompt", "system prompt 1", "system prompt 2")
_FILES = ("answers",)
_INSTRUMENT = ("finding instrument", "finding labels")
_INTERVALS = ("finding interval", "finding validate", "finding estimate", "finding calibration", "finding variance")
_TESTS = ("finding test", "finding compare")

GUIDELINES: tuple[Item, ...] = _items(
    Item(number="1", text=N_("Models used, and what for (G1)"), facts=("requests",)),
    ("2", N_("Purpose, automated tasks and expected benefit (G1)")),
    Item(number="3", text=N_("Model version, configuration and dates (G2)"), facts=_CONFIGURATION),
    ("4", N_("Fine-tuning: goal, data and procedure (G2)")),
    Item(number="5", text=N_("Defaults left as they are, and reasons for the models (G2)"), facts=("parameters",)),
    Item(number="6", text=N_("Quantization: bits and method (G2)"), facts=("quantization",), applies=_embedded),
    ("7", N_("Fine-tuned models compared with their base; data and weights (G2)")),
    ("8", N_("Architecture of the tool around the model (G3)")),
    Item(number="9", text=N_("Agents: roles, reasoning, communication (G3)"), applies=_with_tools),
    Item(
        number="10", text=N_("Hosting, hardware and latency (G3)"),
        facts=("server", "median time of an answer (s)", "median time to first token (s)"),
    ),
    ("11", N_("Retrieval: sources, integration, updates (G3)")),
    ("12", N_("Ensembles: how models work together (G3)")),
    ("13", N_("Diagrams and reasons for design decisions (G3)")),
    Item(number="14", text=N_("All prompts: templates and instances (G4)"), facts=_PROMPTS),
    Item(number="15", text=N_("Zero-shot, one-shot or few-shot prompting (G4)"), facts=("finding shots",)),
    Item(
        number="16", text=N_("Prompts made at run time: the rule that makes them (G4)"),
        facts=("prompt template",), applies=_with_template,
    ),
    Item(
        number="17", text=N_("Reuse of prompts across models and configurations (G4)"),
        facts=("first prompt", "system prompt 1"), applies=_several_models,
    ),
    ("18", N_("Reasons for the prompts and how they were chosen (G4)")),
    Item(
        number="19", text=N_("Revisions of prompts and suggestions by models (G4)"),
        facts=("prompt template", "system prompt 1", "system prompt 2", "finding lineage"), applies=_revised,
    ),
    ("20", N_("Long prompts: handling of input and tokens (G4)")),
    ("21", N_("Prompts written by participants: collection and analysis (G4)")),
    Item(number="22", text=N_("Summaries where prompts cannot be published (G4)"), applies=_never),
    Item(number="23", text=N_("Full logs of requests and answers (G4)"), facts=_FILES),
    Item(
        number="24", text=N_("Traces of tools: arguments, results, order (G4)"), facts=_FILES, applies=_with_tools,
    ),
    Item(number="25", text=N_("Construct and instrument of the human validation (G5)"), facts=_INSTRUMENT),
    Item(number="26", text=N_("Instruments shared (G5)"), facts=_INSTRUMENT),
    ("27", N_("Human validation planned early, on reference models (G5)")),
    Item(
        number="28", text=N_("Agreement of humans and models, and how ratings were joined (G5)"),
        facts=("finding agreement", "finding validate"),
    ),
    ("29", N_("Confounding factors considered (G5)")),
    ("30", N_("Raters: background and possible bias (G5)")),
    Item(number="31", text=N_("Number of human ratings justified, as by power (G5)"), facts=("finding power",)),
    Item(
        number="32", text=N_("An open model as baseline, and agreement between models (G6)"),
        facts=("requests", "finding model agreement"), applies=_several_models,
    ),
    Item(number="33", text=N_("Replication package with instructions (G6)"), facts=("finding package",)),
    ("34", N_("Reasons for benchmarks and metrics (G7)")),
    ("35", N_("Why the metrics suit this study (G7)")),
    ("36", N_("Structure, tasks and limits of the benchmark (G7)")),
    ("37", N_("Baselines without a language model (G7)")),
    Item(
        number="38", text=N_("Repetitions, with the distribution of results (G7)"),
        facts=("repeats", "distinct requests", "seeds", *_INTERVALS),
    ),
    Item(number="39", text=N_("Reasons for the number of repetitions (G7)"), facts=("finding power",)),
    ("40", N_("Established metrics for comparison (G7)")),
    Item(
        number="41", text=N_("Inferential statistics where models are compared (G7)"), facts=_TESTS,
        applies=_compared,
    ),
    Item(number="42", text=N_("Raw outputs provided (G8)"), facts=_FILES),
    ("43", N_("Sensitive data: governance and ethics (G8)")),
    Item(
        number="44", text=N_("Resources: cost and tokens (G8)"),
        facts=("cost (RMB)", "input tokens", "output tokens", "price list of"),
    ),
    Item(number="45", text=N_("Change over time and across models and versions (G8)"), facts=("finding audit",)),
    ("46", N_("Limitations: non-determinism, leakage, generalization; what was not disclosed (G8)")),
)  # fmt: skip

TRIPOD: tuple[Item, ...] = _items(
    Item(number="6a", text=N_("Model, version, access and date"), facts=_CONFIGURATION),
    Item(number="6b", text=N_("Adaptation: prompts, retrieval, fine-tuning"), facts=_PROMPTS),
    Item(number="6c", text=N_("Settings of the generation"), facts=("parameters", "seeds")),
    ("6d", N_("Expected form of the output, and its mapping to the outcome")),
    Item(number="7a", text=N_("Measures of quality"), facts=("finding agreement", *_INTERVALS)),
    Item(
        number="7d",
        text=N_("Human assessment: rubric, raters, agreement"),
        facts=("finding agreement", "finding validate"),
    ),
    Item(number="8a", text=N_("Process of labelling"), facts=_INSTRUMENT),
    Item(number="8b", text=N_("Number of annotators"), facts=("finding labels",)),
    ("8c", N_("Background of annotators")),
    Item(number="9a", text=N_("Design and choice of prompts"), facts=_PROMPTS),
    ("9b", N_("Data used to develop the prompts")),
    Item(
        number="12",
        text=N_("Computational resources"),
        facts=("server", "median time of an answer (s)", "cost (RMB)", "output tokens"),
    ),
    Item(number="14f", text=N_("Code and prompts available"), facts=("finding package",)),
    Item(number="16", text=N_("Flow of cases and sample sizes"), facts=("rows", "requests", "failures")),
    Item(number="17", text=N_("Performance with uncertainty"), facts=(*_INTERVALS, *_TESTS)),
    Item(number="18", text=N_("Changes of the model during the study"), facts=("system_fingerprint", "finding audit")),
)


def filled(study: Study, items: tuple[Item, ...] = GUIDELINES) -> list[Entry]:
    """What the study says of each item, in order."""
    facts = study.facts()
    return [_entry(study, item, facts) for item in items]


def _entry(study: Study, item: Item, facts: tuple[Fact, ...]) -> Entry:
    if item.applies is not None and not item.applies(study):
        return Entry(item, "none")
    found = tuple(fact for fact in facts if fact.kind in item.facts)
    return Entry(item, "filled" if found else "words", found)


_STATES: dict[State, str] = {
    "filled": N_("filled from facts"),
    "words": N_("needs your words"),
    "none": N_("does not apply"),
}
_SHOWN = 3


def to_table(study: Study, items: tuple[Item, ...] = GUIDELINES) -> Table:
    """A row for each item with its facts and where they come from; the note counts them."""
    entries = filled(study, items)
    counts = {state: sum(entry.state == state for entry in entries) for state in _STATES}
    return Table(
        columns=(_("no."), _("item"), _("state"), _("facts"), _("counted from")),
        rows=tuple(_cells(entry) for entry in entries),
        note=", ".join(f"{count} {_(_STATES[state])}" for state, count in counts.items()),
    )


def _cells(entry: Entry) -> tuple[str, ...]:
    shown = [f"{fact.name} = {fact.value}" for fact in entry.facts[:_SHOWN]]
    more = len(entry.facts) - _SHOWN
    origins = dict.fromkeys(place for fact in entry.facts for place in fact.origin)
    return (
        entry.item.number,
        _(entry.item.text),
        _(_STATES[entry.state]),
        "; ".join([*shown, *([_("and {count} more").format(count=more)] if more > 0 else [])]),
        "; ".join(origins),
    )
