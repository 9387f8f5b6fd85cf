"""`%%wcode` over many, in a real kernel: rows, models, sweeps, samples; what is shown, bound and kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernels import Execution, Kernel

from .strict_server import StrictServer

pytestmark = pytest.mark.kernel

_ROWS = "rows = [{'word': f'w{n}'} for n in range(6)]"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel with the extension for all tests of this module."""
    with Kernel(tmp_path_factory.mktemp("many")) as kernel:
        assert kernel.run("%load_ext wcode_jupyter").status == "ok"
        assert kernel.run(_ROWS).status == "ok"
        yield kernel


@pytest.fixture
def server(shared: Kernel) -> Iterator[StrictServer]:
    with StrictServer() as server:
        shared.run(f"%wcode set model=m base_url={server.base_url}")
        yield server
        shared.run("%wcode unset model base_url")


def only_output(done: Execution) -> dict[str, str]:
    assert [output["output_type"] for output in done.outputs] == ["display_data"], done.outputs
    data: dict[str, str] = done.outputs[0]["data"]
    return data


def test_each_row_is_asked_and_the_result_is_bound(shared: Kernel, server: StrictServer) -> None:
    """One output with summary and answers; `-o` holds Replies in row order; the run file stands beside."""
    done = shared.run("%%wcode --each rows -o results\nSay {{word}}")
    data = only_output(done)
    assert "<table>" in data["text/html"]
    assert "w5" in data["text/plain"]
    assert shared.run("print([reply.text for reply in results])").text == "['w0', 'w1', 'w2', 'w3', 'w4', 'w5']\n"
    assert shared.run("import os; print(os.path.exists('wcode.results.run.jsonl'))").text == "True\n"


def test_running_the_cell_again_asks_nothing(shared: Kernel, server: StrictServer) -> None:
    """What is in the run file is not asked again, unless `--anew` says so."""
    for _time in range(2):
        shared.run("%%wcode --each rows -o twice\nSay {{word}}")
    assert server.answered == 6
    done = shared.run("%%wcode --each rows -o twice --anew\nSay {{word}}")
    assert server.answered == 12
    assert "renamed to wcode.twice.run.1.jsonl" in only_output(done)["text/plain"]


def test_examples_and_orders_of_options_are_factors_of_a_cell(shared: Kernel, server: StrictServer) -> None:
    """No and one example, two orders: four requests for each row; the table has a column for each factor."""
    shared.run("examples = [{'word': 'joy', 'answer': 'good'}]; two = rows[:2]")
    done = shared.run(
        "%%wcode --each two --few-shot examples --shots 0,1 --options good,bad --orders 2 -o shot\n"
        "Is {{word}} {{options}}?"
    )
    assert "shots" in only_output(done)["text/plain"]
    assert "bad, good" in only_output(done)["text/plain"]
    asked = [[message["content"] for message in body["messages"]] for body in server.bodies]
    assert sorted(map(len, asked)) == [1, 1, 1, 1, 3, 3, 3, 3]
    assert ["Is joy bad, good?", "good", "Is w0 bad, good?"] in asked
    assert shared.run("%%wcode --each two --shots 1\nSay {{word}}").status == "error"


def test_models_stand_side_by_side(shared: Kernel, server: StrictServer) -> None:
    """Two models are one table of two columns, each with its own status line; nothing is written."""
    data = only_output(shared.run("%%wcode -m alpha -m beta -o both\nSay **hello**"))
    assert data["text/html"].count("<th ") == 2
    assert data["text/html"].count("<strong>hello</strong>") == 2
    assert "── alpha ──\n**hello**" in data["text/plain"]
    # Both are sent at once: which one comes first is the network's to say.
    assert sorted(body["model"] for body in server.bodies) == ["alpha", "beta"]
    assert shared.run("print(len(both), both.job(1).model)").text == "2 beta\n"


def test_hostile_answers_stay_in_their_column(shared: Kernel, server: StrictServer) -> None:
    """Markup of a model closes no table and runs nothing."""
    shared.run("evil = '</td></table><script>alert(1)</script><img src=x onerror=alert(2)>'")
    data = only_output(shared.run("%%wcode -m alpha -m beta\n{{evil}}"))
    assert "<script" not in data["text/html"]
    assert "<img" not in data["text/html"]
    assert data["text/html"].count("</table>") == 1


def test_sweep_and_repeat(shared: Kernel, server: StrictServer) -> None:
    """Every combination is asked; the summary has a line for each value."""
    done = shared.run("%%wcode --sweep temperature=0,0.5 --sweep top_p=1 --repeat 3 -o swept\nSay hi")
    assert only_output(done)["text/plain"].splitlines()[0].split()[:3] == ["model", "temperature", "top_p"]
    assert shared.run("print(len(swept), swept.job(5).values, swept.job(5).sample)").text == (
        "6 {'temperature': 0.5, 'top_p': 1.0} 2\n"
    )
    assert sorted(body["temperature"] for body in server.bodies) == [0, 0, 0, 0.5, 0.5, 0.5]


def test_named_prompts(shared: Kernel, server: StrictServer) -> None:
    """`--prompts variants` sends each prompt for each row, `{{prompt}}` is its place; the summary has a line each."""
    shared.run("variants = {'terse': 'Word:', 'polite': 'Please say'}")
    shared.run("two = rows[:2]")
    done = shared.run("%%wcode --each two --prompts variants -o named\n{{prompt}} {{word}}")
    assert only_output(done)["text/plain"].splitlines()[0].split()[:2] == ["model", "prompt"]
    assert shared.run("print([named.job(n).values for n in range(2)])").text == (
        "[{'prompt': 'terse'}, {'prompt': 'polite'}]\n"
    )
    assert sorted(body["messages"][-1]["content"] for body in server.bodies) == [
        "Please say w0", "Please say w1", "Word: w0", "Word: w1",
    ]  # fmt: skip
    refused = shared.run("%%wcode --each two --prompts variants\nSay {{word}}")
    assert refused.status == "error"
    assert "no {{prompt}}" in str(refused.reply)


def test_a_score_judges_every_answer(shared: Kernel, server: StrictServer) -> None:
    """`--score f` puts the mean with its interval into the summary: 6 of 6 rows, ½ p⁶ = 0.025."""
    shared.run("def right(reply, row): return reply.text == row['word']")
    done = shared.run("%%wcode --each rows --score right -o scored\nSay {{word}}")
    assert "1 [0.607, 1]" in only_output(done)["text/plain"]
    assert shared.run("print(scored.to_frame()['score'].mean())").text == "1.0\n"


def test_the_score_stands_below_each_column(shared: Kernel, server: StrictServer) -> None:
    """A comparison shows what the function said of each answer, or why it said nothing."""
    shared.run("def long(reply, row): return len(reply.text) / (reply.model == 'm')")
    data = only_output(shared.run("%%wcode --repeat 2 --score long\nSay hello"))
    assert data["text/html"].count("complete · score 5<") == 2
    shared.run("def bad(reply, row): return row['word']")
    data = only_output(shared.run("%%wcode -m a -m b --score bad\nSay hello"))
    assert data["text/plain"].startswith("── a · KeyError: 'word' ──\nhello")


def test_rows_are_held_to_a_schema(shared: Kernel) -> None:
    """One that does not fit has failed and says so in the table; running the cell again asks it alone."""
    answers = {"w0": '{"length": 2}', "w1": '{"length": "two"}'}
    with StrictServer(answer=lambda prompt: answers.get(prompt.split()[-1], '{"length": 7}')) as server:
        shared.run(f"%wcode set model=m base_url={server.base_url}\npair = rows[:2]")
        cell = "%%wcode --each pair --schema 'length int' -o measured"
        done = shared.run(f"{cell}\nMeasure {{{{word}}}}")
        assert "(The answer does not match the schema" in only_output(done)["text/plain"]
        assert shared.run("print(measured[0].parsed, measured.to_frame()['json.length'].tolist())").text == (
            "Answer(length=2) [2.0, nan]\n"
        )
        server.prompts.clear()
        shared.run(f"{cell} --retries-schema 1\nMeasure {{{{word}}}}")
        assert server.answered == 2
        assert shared.run("print([reply.parsed.length for reply in measured])").text == "[2, 7]\n"


def test_columns_are_held_to_a_schema(shared: Kernel) -> None:
    """Side by side as well, shown as JSON; with `--retries-schema` each is asked again."""
    with StrictServer(answer=lambda prompt: '{"n": 1}' if "required JSON" in prompt else "none") as server:
        shared.run(f"%wcode set base_url={server.base_url}")
        done = shared.run("%%wcode -m a -m b --schema 'n int' -o both\nCount")
        assert done.error == "RunError"
        assert done.outputs[0]["data"]["text/plain"].count("does not match the schema") == 2
        data = only_output(shared.run("%%wcode -m a -m b --schema 'n int' --retries-schema 1 -o both\nCount"))
        assert data["text/html"].count("<th ") == 2
        assert shared.run("print([reply.parsed.n for reply in both])").text == "[1, 1]\n"


def test_a_comparison_keeps_to_a_budget_of_its_own(shared: Kernel, server: StrictServer) -> None:
    """What only a run keeps makes it a run; the answers still stand side by side."""
    done = shared.run("%%wcode z-ai/glm-5 --repeat 4 --max-cost 0.0004 --max-tokens 6\nSay hello")
    assert (done.error, server.answered) == ("RunError", 1)
    assert "── z-ai/glm-5 ──" in done.outputs[0]["data"]["text/plain"]
    shared.run("%%wcode -m a -m b --concurrency 1\nSay hello")
    assert server.peak == 1


def test_an_iterator_loses_a_row_to_a_dry_run_and_it_is_said(shared: Kernel, server: StrictServer) -> None:
    """Nothing is sent; what was read to look at cannot be put back."""
    shared.run("once = iter(rows)")
    assert "the dry run consumed the first one" in shared.run("%%wcode --each once --dry-run\nSay {{word}}").text
    assert server.arrivals == []


def test_a_failed_row_does_not_fail_the_cell(shared: Kernel, server: StrictServer) -> None:
    """The table names it; the others are there."""
    server.fail = lambda prompt: 400 if prompt.endswith("w2") else None
    done = shared.run("%%wcode --each rows -o partly\nNow {{word}}")
    assert done.status == "ok"
    assert "400" in only_output(done)["text/plain"]
    assert shared.run("print(partly, len(partly.failed))").text == "Replies(6, failed=1) 1\n"


def test_nothing_but_failures_fail_the_cell_with_one_line(shared: Kernel, server: StrictServer) -> None:
    """A run without one answer is a failure, and what it was is bound."""
    server.fail = lambda prompt: 401
    done = shared.run("%%wcode --each rows -o none\nNever {{word}}")
    assert done.error == "RunError"
    assert shared.run("print(len(none.failed))").text == "6\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--each nothing", "variable not found"),
        ("--each rows --score rows", "not a function"),
        ("--each rows --sweep temprature=1", "Did you mean temperature"),
        ("--sweep temperature", "NAME=VALUE"),
        ("--repeat none", "got none"),
        ("--each rows --chat c", "--chat cannot be combined with"),
        ("--yes", "--yes needs --each"),
        ("--each empty", "There are no rows"),
        ("--each rows --tools f", "--tools cannot be combined with --each"),
        ("--each rows --tools f", "for each row"),
        ("--sweep temperature=0,1 --key word", "--key needs --each"),
        ("--each rows --seeds", "--seeds needs --repeat"),
        ("--each rows --retries-schema 1", "--retries-schema needs --schema"),
        ("--each rows --schema 'word' --response-format json_object", "use only one of"),
    ],
)
def test_bad_lines_are_one_clear_error(shared: Kernel, server: StrictServer, line: str, words: str) -> None:
    """Nothing is sent."""
    shared.run("empty = []")
    done = shared.run(f"%%wcode {line}\nSay {{{{word}}}}" if "each rows" in line else f"%%wcode {line}\nSay hi")
    assert done.status == "error"
    assert words in str(done.reply)
    assert server.arrivals == []


def test_a_dear_run_asks_first(shared: Kernel, server: StrictServer) -> None:
    """Above `confirm_above_cny` a headless run sends nothing and says why; `--yes` sends."""
    line = "%%wcode z-ai/glm-5 --each rows --confirm-above-cny 0.0001 -o dear"
    done = shared.run(f"{line}\nSay {{{{word}}}}")
    assert done.error == "InputError"
    assert "Nothing was sent: 6 requests" in str(done.reply)
    assert server.arrivals == []
    assert shared.run(f"{line} --yes\nSay {{{{word}}}}").status == "ok"


def test_a_watched_run_asks_the_user(shared: Kernel, server: StrictServer) -> None:
    """Where somebody watches, the estimate is shown and the answer decides."""
    line = "%%wcode z-ai/glm-5 --each rows --confirm-above-cny 0.0001 -o asked\nSay {{word}}"
    refused = shared.run(line, answers=("n",))
    assert (refused.error, server.arrivals) == ("InputError", [])
    assert shared.run(line, answers=("y",)).status == "ok"
    assert server.answered == 6


def test_dry_run_sends_nothing(shared: Kernel, server: StrictServer) -> None:
    """It shows the first request and what all of them may cost."""
    done = shared.run("%%wcode z-ai/glm-5 --each rows --dry-run\nSay {{word}}")
    assert '"content": "Say w0"' in done.text
    assert "total: 6 requests" in done.text
    assert server.arrivals == []


def test_an_interrupt_keeps_and_binds_what_finished(shared: Kernel) -> None:
    """Ctrl-C ends the run at once; what had arrived is bound, on disk, and not asked again."""
    gate = threading.Event()
    with StrictServer(delay_s=lambda prompt: 0.0 if prompt[-1] in "012" else 60.0, gate=None) as server:
        shared.run(f"%wcode set model=m base_url={server.base_url} concurrency=2")
        cell = shared.start("%%wcode --each rows -o stopped\nSay {{word}}")
        server.wait(5)
        shared.interrupt()
        done = cell.finish()
        gate.set()
        assert done.error == "RunError"
        assert "Interrupted" in str(done.reply)
        assert shared.run("print([reply.text for reply in stopped])").text == "['w0', 'w1', 'w2']\n"
        shared.run("%wcode unset model base_url concurrency")


def test_a_recorded_cell_replays_to_the_same_output(shared: Kernel, server: StrictServer, tmp_path: Path) -> None:
    """Same bytes live and replayed, without the server."""
    record = tmp_path / "n.replay.jsonl"
    cell = f"%%wcode --each rows --repeat 2 --replay-file {record} --replay"
    live = only_output(shared.run(f"{cell} record\nSay {{{{word}}}}"))
    server.prompts.clear()
    again = only_output(shared.run(f"{cell} replay\nSay {{{{word}}}}"))
    assert (again, server.answered) == (live, 0)


@pytest.mark.parametrize("options", ["-m a -m b", "--each rows"])
def test_a_replay_speaks_the_language_of_the_recording(
    shared: Kernel, server: StrictServer, tmp_path: Path, options: str
) -> None:
    """Whoever replays it, in whatever language, gets the same bytes: table heads and status lines included."""
    cell = f"%%wcode {options} --replay-file {tmp_path / 'n.replay.jsonl'} --replay"
    live = only_output(shared.run(f"{cell} record\nSay hello"))
    shared.run("import os; os.environ['WCODE_LANG'] = 'zh_CN'")
    again = only_output(shared.run(f"{cell} replay\nSay hello"))
    shared.run("os.environ['WCODE_LANG'] = 'en'")
    assert again == live


def test_a_list_variable_is_swept(shared: Kernel, server: StrictServer) -> None:
    """By its name, as rows are; what is no variable is a list of words."""
    shared.run("prompts = ['Be brief', 'Be long, please']; temps = [0.25, 0.5]")
    shared.run("%%wcode --each rows --sweep system=prompts --sweep temperature=temps\nSay {{word}}")
    assert {body["messages"][0]["content"] for body in server.bodies} == {"Be brief", "Be long, please"}
    assert {body["temperature"] for body in server.bodies} == {0.25, 0.5}
