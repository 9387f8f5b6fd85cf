"""The account of a study from its session, replay file and run file together, and the checklist it fills."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.fault_server import FaultServer, Received, Script, chat, status
from wcode_jupyter import Client
from wcode_jupyter.catalogue import Catalogue, Model, Price
from wcode_jupyter.errors import ReplayError
from wcode_jupyter.session.account import AccountEntry
from wcode_jupyter.store import rewind
from wcode_jupyter.study import checklist, report
from wcode_jupyter.study.methods import Study, study

CATALOGUE = Catalogue({"m": Model(id="m", prices=(Price(Decimal(1), Decimal(1)),)), "other": Model(id="other")})
SCHEMA = {"type": "object", "properties": {"zeta": {"type": "string"}, "alpha": {"type": "string"}}}


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WCODE_LANG", "en")


def answer(received: Received) -> Script:
    """Refuses what is about `bad`."""
    return status(400) if "bad" in str(received.json["messages"]) else chat('{"zeta": "z", "alpha": "a"}')


def asked(folder: Path) -> tuple[Study, list[Path]]:
    """A study of three cells and a run of two sessions, seen by a third session that asks one question of its own."""
    record, run = folder / "s.replay.jsonl", folder / "s.r.run.jsonl"
    options: dict[str, Any] = {"model": "m", "log": False}
    with FaultServer(*[answer] * 30) as server:
        with Client(server.base_url, **options, replay="auto", replay_file=str(record)) as client:
            for _sample in range(2):
                client.ask("2 + 2?", system="Be brief.", temperature=0, seed=7)
            client.ask("2 + 2?", model="other")
        for _session in range(2):  # the failed row is asked again and fails again
            with Client(server.base_url, **options) as client:
                client.map(
                    "Label {{t}}", [{"t": "good"}, {"t": "bad"}], run_file=run, repeat=2, progress=False,
                    response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
                )  # fmt: skip
        rewind()
        with Client(server.base_url, **options, replay="auto", replay_file=str(record)) as client:
            client.ask("2 + 2?", system="Be brief.", temperature=0, seed=7)  # replayed: counts once
            client.ask("new")
            found = study([record, run], CATALOGUE, session=client.session.account)
    return found, [record, run]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, list[Path]]:
    return asked(tmp_path_factory.mktemp("study"))


def test_session_replay_file_and_run_file_count_each_answer_once(found: tuple[Study, list[Path]]) -> None:
    """Three cells, a question of the last session, four rows and the two failed ones once more: ten requests."""
    m, other = found[0].rows
    assert (m.n, other.n) == (9, 1)
    assert m.failed == {"BadRequest": 4}
    assert (m.questions, m.repeats, m.seeds) == (4, 4, (7,))
    assert m.systems[0] == ""
    assert m.systems[1:] == ("Be brief.",)


def test_figures_are_traced_to_lines(found: tuple[Study, list[Path]]) -> None:
    """Each fact names the files and lines that were counted for it; lines of a file counted elsewhere are not."""
    facts = {fact.name: fact for fact in found[0].facts()}
    (requests,) = [fact for name, fact in facts.items() if name.startswith("m (") and name.endswith(": requests")]
    assert requests.value == "9"
    assert requests.origin == ("session", "s.replay.jsonl: 2-3", "s.r.run.jsonl: 2-7")
    assert facts["s.r.run.jsonl: rows"].value == "2"
    assert facts["s.r.run.jsonl: samples"].value == "2"
    assert facts["s.r.run.jsonl: prompt template"].value == "Label {{t}}"


def test_markdown_says_what_was_asked(found: tuple[Study, list[Path]]) -> None:
    """Parameters uncut with the schema in its order, prompts, failures by kind, sources."""
    text = report.to_markdown(found[0])
    assert "Of 10 requests, 4 failed;" in text
    assert "Failures by kind: BadRequest 4." in text
    assert '{"zeta": {"type": "string"}, "alpha": {"type": "string"}}' in text
    assert "Be brief." in text
    assert "Label {{t}}" in text
    assert "Counted from: session (2), s.replay.jsonl (2), s.r.run.jsonl (6)." in text
    assert "price list" not in text


def test_latex_and_bibtex(found: tuple[Study, list[Path]]) -> None:
    """Special characters are escaped, and each model is cited by the key of its entry."""
    latex, bibtex = report.to_latex(found[0]), report.to_bibtex(found[0])
    (key,) = [line.removeprefix("@misc{").rstrip(",") for line in bibtex.splitlines() if line.startswith("@misc{m-")]
    assert f"\\cite{{{key}}}" in latex
    assert "response\\_format=\\{" in latex
    assert "title = {m}" in bibtex


def test_findings_are_sentences_and_facts(tmp_path: Path) -> None:
    """A test or an agreement enters the account with its origin."""
    finding = AccountEntry("test", "McNemar p = 0.03.", "s.r.run.jsonl")
    found = study([], CATALOGUE, findings=[finding])
    (fact,) = found.facts()
    assert (fact.name, fact.value, fact.origin) == ("study: finding test", "McNemar p = 0.03.", ("s.r.run.jsonl",))


def test_broken_run_file_names_its_line(found: tuple[Study, list[Path]], tmp_path: Path) -> None:
    """One clear line."""
    path = tmp_path / "x.run.jsonl"
    path.write_bytes(found[1][1].read_bytes().splitlines(keepends=True)[0] + b'{"job": 1}\n')
    with pytest.raises(ReplayError, match=r"x\.run\.jsonl, line 2: this is not an answer of a run"):
        study([path], CATALOGUE)


def test_guidelines_have_46_items(found: tuple[Study, list[Path]]) -> None:
    """Each numbered once; filled ones cite facts with an origin."""
    entries = checklist.filled(found[0])
    assert [entry.item.number for entry in entries] == [str(number) for number in range(1, 47)]
    for entry in entries:
        assert (entry.state == "filled") == bool(entry.facts)
        assert all(fact.origin for fact in entry.facts)
    states = {entry.item.number: entry.state for entry in entries}
    assert {states[number] for number in ("1", "3", "5", "10", "14", "17", "23", "38", "42", "44")} == {"filled"}
    assert states["6"] == "none"
    assert states["2"] == "words"


def test_all_that_a_tool_can_fill_is_filled(found: tuple[Study, list[Path]]) -> None:
    """With human labels, agreement, power, tests, an audit and a package at least 19 items are facts."""
    kinds = ("agreement", "model agreement", "labels", "instrument", "interval", "test", "power", "audit", "package")
    whole = study(found[1], CATALOGUE, findings=[AccountEntry(kind, f"A {kind}.", "s.r.run.jsonl") for kind in kinds])
    states = [entry.state for entry in checklist.filled(whole)]
    assert states.count("filled") >= 19
    assert {entry.state for entry in checklist.filled(whole, checklist.TRIPOD)} == {"filled", "words"}


def test_json_of_the_account_is_whole(found: tuple[Study, list[Path]]) -> None:
    """Costs as decimal texts, system prompts and settings as they were sent."""
    rows = json.loads(found[0].account.to_json())["rows"]
    assert rows[0]["settings"][0]["response_format"]["json_schema"]["schema"] == SCHEMA
