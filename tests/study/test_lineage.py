"""Versions of a prompt in the log, and a question asked once more."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.fault_server import FaultServer, chat
from tests.kernels import Kernel
from wcode_jupyter.reply import ErrorInfo, Reply
from wcode_jupyter.request.messages import Message, Request
from wcode_jupyter.study.lineage import lineage

FIRST = "Is this review positive or negative? Answer with one word."
SECOND = "Is this review positive, neutral or negative? Answer with one word."
THIRD = "Is this review positive, neutral or negative? Give one word and a reason."


def asked(prompt: str, hour: int, **changes: object) -> Reply:
    fields = {
        "request": Request(model="m", messages=(Message("user", prompt),)),
        "asked_at": datetime.datetime(2026, 3, 7, hour, tzinfo=datetime.UTC),
    }
    return Reply(**(fields | changes))  # type: ignore[arg-type]


def test_versions_are_told_by_their_words() -> None:
    """In the order of time, with answers, failures and cost; what shares few words is another prompt."""
    log = [
        asked(SECOND, 2, cost=Decimal("0.2")),
        asked(THIRD, 3),
        asked("What is the capital of France?", 4),
        asked(FIRST, 1, cost=Decimal("0.1")),
        asked(FIRST, 5, cost=Decimal("0.3"), fault=ErrorInfo(kind="X", what="x")),
        asked(FIRST, 6, replayed=True),
    ]
    found = lineage(log[1], log)
    assert [version.prompt for version in found.versions] == [FIRST, SECOND, THIRD]
    first = found.versions[0]
    assert (first.n, first.failures, first.cost_cny, first.models) == (2, 1, Decimal("0.4"), ("m",))
    assert found.versions[2].cost_cny is None
    assert [text for kind, text in found.changes()[0].pieces() if kind != "="] == [", neutral"]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("again")
    with Kernel(folder, env={"XDG_DATA_HOME": str(folder / "data")}) as kernel:
        kernel.run("%load_ext wcode_jupyter")
        yield kernel


@pytest.mark.kernel
def test_again_and_lineage_in_a_kernel(kernel: Kernel, tmp_path: Path) -> None:
    """The last question goes out once more as it was, or to another model; a logged one by its id; in a replay too."""
    with FaultServer(*[chat(f"answer {number}") for number in range(9)]) as server:
        kernel.run(f"%wcode set model=m base_url={server.base_url}")
        nothing = kernel.run("%wcode again")
        assert nothing.error == "InputError"
        kernel.run(f"%%wcode --temperature 0.5\n{FIRST}")
        kernel.run(f"%%wcode\n{SECOND}")
        kernel.run("%wcode again -m other -o reply")
        assert kernel.run("print(reply.text)").text == "answer 2\n"
        kernel.run("%wcode again 1")
        bodies = [request.json for request in server.requests]
        assert [body["model"] for body in bodies] == ["m", "m", "other", "m"]
        assert bodies[2] == bodies[1] | {"model": "other"}
        assert bodies[3] == bodies[0]
        shown = kernel.run("%wcode lineage 2").text
        assert "neutral" in shown
        assert kernel.run("%wcode lineage x").error == "OptionError"
        kernel.run("%wcode replay auto again.jsonl")
        kernel.run("%%wcode\nhi")
        kernel.run("%wcode again")
        count = len(server.requests)
        kernel.run("%wcode replay replay again.jsonl")
        kernel.run("%%wcode\nhi")
        assert kernel.run("%wcode again -o reply").status == "ok"
        assert kernel.run("print(reply.replayed)").text == "True\n"
        assert len(server.requests) == count
