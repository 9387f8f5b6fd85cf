"""Nothing paid is asked twice: answers are found by question and occurrence, wherever they were kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from wcode_jupyter import Client, wire
from wcode_jupyter.batch import Replies
from wcode_jupyter.batch.addresses import Fingerprints, Occurrences, any_order
from wcode_jupyter.request.messages import Message
from wcode_jupyter.session import Session

from .strict_server import StrictServer

ClientOf = Callable[..., Client]
ROWS = [{"word": f"w{number}"} for number in range(10)]
pytestmark = pytest.mark.filterwarnings("ignore:.*different prompt")


@pytest.fixture
def asked(client_of: ClientOf, tmp_path: Path) -> Any:
    """`asked(prompt, rows, **options)`: how many requests the run sent; `asked.replies` is its result."""
    with StrictServer() as server:

        def run(prompt: str = "A {{word}}", rows: Any = ROWS, file: str = "r", **options: Any) -> int:
            before = server.answered
            found = client_of(server).map(prompt, rows, run_file=tmp_path / f"{file}.run.jsonl", **options)
            run.replies = found  # type: ignore[attr-defined]
            assert [reply.text for reply in found.failed] == []
            return server.answered - before

        yield run


def test_only_what_was_never_answered_is_sent(asked: Any) -> None:
    """Back to an earlier prompt, models and swept values added and dropped, another file: nothing is paid twice."""
    assert asked() == 10
    assert asked() == 0
    assert asked("B {{word}}") == 10
    assert asked() == 0
    assert asked("B {{word}}") == 0
    assert asked(model=["m", "n"]) == 10
    assert asked() == 0
    assert asked(model="n") == 0
    assert asked(sweep={"temperature": [0, 1]}) == 20
    assert asked(sweep={"temperature": [1, 2]}) == 10
    assert asked(file="r2") == 0
    assert len(asked.replies) == 10


def test_rows_may_move_and_repeats_grow(asked: Any) -> None:
    """In front, sorted, filtered, twice the same; a further repeat asks one each."""
    assert asked() == 10
    assert asked(rows=[{"word": "new"}, *ROWS]) == 1
    assert [reply.text for reply in asked.replies][:3] == ["new", "w0", "w1"]
    assert asked(rows=ROWS[::-1]) == 0
    assert [reply.text for reply in asked.replies][:2] == ["w9", "w8"]
    assert asked(rows=ROWS[3:5]) == 0
    assert asked(rows=[*ROWS, ROWS[0]]) == 1
    assert asked(rows=ROWS, repeat=3) == 19
    assert asked(rows=ROWS, repeat=2) == 0


def test_a_key_and_other_columns_are_no_part_of_the_question(asked: Any) -> None:
    """What is sent decides."""
    assert asked() == 10
    assert asked(rows=[{"word": row["word"], "id": f"k{n}", "more": n} for n, row in enumerate(ROWS)], key="id") == 0
    assert [line.job.key for line in asked.replies.lines()][:2] == ["k0", "k1"]


def test_what_is_wanted_anew_is_kept_beside_and_wins(client_of: ClientOf, tmp_path: Path) -> None:
    """The old generation stays in its file; the next run of any file finds the new one."""
    numbers = iter(range(1000))
    with StrictServer(answer=lambda prompt: f"{prompt} {next(numbers)}") as server:
        client = client_of(server)

        def run(name: str, *, resume: bool | None = None) -> list[str]:
            run = client.run("A {{word}}", ROWS[:3], run_file=tmp_path / f"{name}.run.jsonl", concurrency=1)
            run.open(resume=resume)
            run.start(client.event_loop)
            run.wait()
            return [reply.text for reply in run.replies]

        old = run("r")
        new = run("r", resume=False)
        assert set(old).isdisjoint(new)
        assert run("r") == run("other") == new
        assert server.answered == 6
    assert [reply.text for reply in Replies.load(tmp_path / "r.run.1.jsonl")] == old


def test_answers_of_another_file_cost_this_run_nothing(client_of: ClientOf, tmp_path: Path) -> None:
    """They are in its result with what they cost, and not in its budget."""
    options: dict[str, Any] = {"model": "z-ai/glm-5", "max_tokens": 6}
    with StrictServer() as server:
        client_of(server).map("A {{word}}", ROWS, run_file=tmp_path / "a.run.jsonl", **options)
        again = client_of(server)
        found = again.map("A {{word}}", ROWS, run_file=tmp_path / "b.run.jsonl", max_cost=0.0001, **options)
        assert (server.answered, len(found), found.stopped, again.session.spent_cny) == (10, 10, None, 0)


def test_files_of_earlier_releases_are_found_by_their_fingerprints(client_of: ClientOf, tmp_path: Path) -> None:
    """Their jobs have other ids."""
    new, old = tmp_path / "n.run.jsonl", tmp_path / "old.run.jsonl"
    with StrictServer() as server:
        client = client_of(server, concurrency=3)
        first = client.map("A {{word}}", ROWS, run_file=new, repeat=2)
        lines = [json.loads(line) for line in new.read_text(encoding="utf-8").splitlines()]
        for number, line in enumerate(lines[1:]):
            line["job"]["id"] = f"{number:032x}"
        old.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
        new.unlink()
        for file in (old, tmp_path / "third.run.jsonl"):
            again = client.map("A {{word}}", ROWS, run_file=file, repeat=2)
            assert [reply.id for reply in again] == [reply.id for reply in first]
        assert server.answered == 20


@pytest.mark.parametrize("protocol", ["openai", "anthropic"])
@pytest.mark.parametrize("system", ["", "Be brief"])
def test_the_quick_fingerprint_is_the_fingerprint(protocol: str, system: str) -> None:
    """Of every text, in each form, with what surrounds it."""
    values = {"model": "glm-5", "protocol": protocol, "max_tokens": 5, **({"system": system} if system else {})}
    call = Session().prepare("x", values)
    quick = Fingerprints(call)
    for text in ("", "plain", 'quo"te\\', "中文 🎉", "\0\x1f\x7f\u2028", "line\nbreak\t", "{{x}} \0001\0"):
        messages = (*call.request.messages[:-1], Message("user", text))
        assert quick.of(messages) == wire.fingerprint(msgspec.structs.replace(call.request, messages=messages))


def test_occurrences_are_counted_by_question_and_order() -> None:
    """The address says which one it is; one without an order is that of an older line."""
    seen = Occurrences()
    one, order = "ab" * 32, "cd" * 8
    assert [seen.next(one), seen.next(one), seen.next(one, order)] == [f"{one}.0", f"{one}.1", f"{one}:{order}.0"]
    assert any_order(f"{one}:{order}.7") == f"{one}.7"
