"""For any answer, however its bytes are mangled: either the whole text is there, or the reply says that it is not.

A short form of `python -m tests.wire.manglings`, which runs 100,000.
"""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from .manglings import MANGLINGS, case, check, violations

BATCHES, RUNS = 8, 150


@pytest.mark.parametrize("batch", range(BATCHES))
def test_nothing_is_lost_in_silence(batch: int) -> None:
    """Random answers, dialects, manglings and cuts. A failure names the seeds: `--show SEED` tells the whole of one."""
    wrong = {seed: found for n in range(RUNS) if (found := check(seed := f"ci{batch}:{n}")[2])}
    assert wrong == {}


def test_an_answer_that_is_not_mangled_is_whole() -> None:
    """In every dialect, however its bytes are cut: what the runs above accuse is the manglings' doing."""
    seeds = [f"whole:{n}" for n in range(1500)]
    plain = [seed for seed in seeds if not case(seed).manglings]
    assert len(plain) > 100
    assert {seed: found for seed in plain if (found := check(seed)[2])} == {}


def test_the_runs_hold_everything() -> None:
    """The same seed gives the same run; both forms, every mangling, and whole answers occur."""
    made = [case(f"kinds:{n}") for n in range(600)]
    assert made[7] == case("kinds:7")
    seen = Counter(name for one in made for name in (one.form, *one.manglings))
    wanted = {mangle.__name__.strip("_") for mangle in MANGLINGS} | {"openai", "anthropic", "truncated"}
    assert {name: seen[name] for name in wanted if seen[name] < 5} == {}
    assert any(not one.manglings for one in made)


def test_the_judge_sees_a_loss() -> None:
    """A reply that lacks a piece, holds reasoning as text, or ended otherwise is accused: the runs can fail."""
    seed = next(seed for n in range(1000) if not case(seed := f"judge:{n}").manglings and case(seed).answer.usage)
    made, outcome, found = check(seed)
    assert found == []
    assert outcome is not None
    reply, error = outcome
    choice = reply.choices[0]

    def changed(**fields: object) -> list[str]:
        return violations(made, (msgspec.structs.replace(reply, **fields), error))

    assert changed(choices=(msgspec.structs.replace(choice, text=choice.text[:-3]),))[0].startswith("lost in silence")
    assert changed(choices=(msgspec.structs.replace(choice, text="α" + choice.text),))[0].startswith("reasoning in")
    assert changed(ended="cut") != []
    assert changed(usage=None) != []
    assert changed(ended="cut", choices=(msgspec.structs.replace(choice, text=""),)) != []
