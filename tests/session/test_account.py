"""The paragraph and the table for a paper, from replies made by hand."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal

import msgspec
import pytest

from wcode_jupyter import __version__
from wcode_jupyter.catalogue import Catalogue, Model, Price
from wcode_jupyter.reply import ErrorInfo, Reply, Timing
from wcode_jupyter.reply.events import Usage
from wcode_jupyter.request.messages import LOCAL, Message, Request
from wcode_jupyter.session.account import Account, methods

CATALOGUE = Catalogue(
    {"z-ai/glm-5": Model(id="z-ai/glm-5", prices=(Price(Decimal(1), Decimal(2)),), priced_on=datetime.date(2026, 3, 7))}
)


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WCODE_LANG", "en")


def reply(day: int = 7, model: str = "z-ai/glm-5", endpoint: str = "gateway", **changes: object) -> Reply:
    parameters = changes.pop("parameters", {})
    request = Request(
        model=model,
        messages=(Message("user", "2 + 2?"),),
        parameters=parameters,  # type: ignore[arg-type]
        endpoint=endpoint,
    )
    fields = {"request": request, "model": model, "asked_at": datetime.datetime(2026, 3, day, 23, tzinfo=datetime.UTC)}
    return Reply(**(fields | changes))  # type: ignore[arg-type]


REPLIES = [
    reply(7, model="z-ai/glm-5", parameters={"temperature": 0.2}, usage=Usage(1000, 10), cost=Decimal("0.0010")),
    reply(9, parameters={"temperature": 0.2}, usage=Usage(500, 10), cost=Decimal("0.0025")),
    reply(8, parameters={"temperature": 0.9, "seed": 1}, ended="failed", fault=ErrorInfo(kind="RateLimited", what="x")),
    reply(8, model="local", endpoint=LOCAL, usage=Usage(3, 4)),
]


def test_rows_by_model_and_server() -> None:
    """Days, distinct settings with the most frequent first, n, failures, tokens, exact cost, unknown costs."""
    glm, local = methods(REPLIES, CATALOGUE).rows
    assert (glm.model, glm.answered, glm.n, glm.failures) == ("z-ai/glm-5", ("z-ai/glm-5",), 3, 1)
    assert (glm.first, glm.last) == (datetime.date(2026, 3, 7), datetime.date(2026, 3, 9))
    assert glm.settings == ({"temperature": 0.2}, {"seed": 1, "temperature": 0.9})
    assert (glm.input_tokens, glm.output_tokens, glm.cost_cny, glm.unpriced) == (1500, 20, Decimal("0.0035"), 1)
    assert glm.priced_on == datetime.date(2026, 3, 7)
    assert (local.endpoint, local.settings, local.cost_cny, local.priced_on) == ("local", ({},), None, None)


def test_only_what_is_known_of_an_answer() -> None:
    """A failed question was answered by nobody; a day is that of UTC; further fields of the request are settings."""
    late = datetime.datetime(2026, 3, 8, 7, tzinfo=datetime.timezone(datetime.timedelta(hours=8)))
    request = Request(model="m", messages=(Message("user", "x"),), parameters={"seed": 1}, extra_body={"n": 2})
    fault = ErrorInfo(kind="RateLimited", what="x")
    (row,) = methods([reply(request=request, model="m", asked_at=late, ended="failed", fault=fault)], CATALOGUE).rows
    assert (row.answered, row.first) == ((), datetime.date(2026, 3, 7))
    assert row.settings == ({"n": 2, "seed": 1},)


def test_markdown_as_a_whole() -> None:
    """The paragraph and the table, word by word."""
    assert methods(REPLIES, CATALOGUE).to_markdown() == (
        f"We asked z-ai/glm-5, local with wcode_jupyter {__version__} from 2026-03-07 to 2026-03-09 (UTC). "
        "Of 4 requests, 1 failed; 1,503 input and 24 output tokens were used. "
        "The cost was 0.0035 RMB (price list of 2026-03-07). The cost of 2 requests is not known. "
        "Parameters that the table does not name were not sent.\n\n"
        "| Model asked | Model answered | Server | Days (UTC) | Parameters | n | Failed | Input tokens | Output tokens "
        "| RMB | Price of |\n"
        "| --- | --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n"
        "| z-ai/glm-5 | z-ai/glm-5 | wcode.net | 2026-03-07 – 2026-03-09 "
        "| temperature=0.2; seed=1, temperature=0.9 | 3 | 1 | 1,500 | 20 | 0.0035 | 2026-03-07 |\n"
        "| local | local | embedded model | 2026-03-08 | none | 1 | 0 | 3 | 4 | – | – |\n"
    )


def test_json_holds_everything() -> None:
    """The JSON has the client, each row, and costs as exact texts."""
    value = json.loads(methods(REPLIES, CATALOGUE).to_json())
    assert value["client"] == f"wcode_jupyter {__version__}"
    assert value["rows"][0]["cost_cny"] == "0.0035"
    assert value["rows"][0]["settings"][1] == {"seed": 1, "temperature": 0.9}
    assert value["rows"][0]["last"] == "2026-03-09"


def test_another_protocol_is_another_row() -> None:
    """The same model asked in two protocols stands twice, and the table names the protocol."""
    other = Request(model="z-ai/glm-5", messages=(Message("user", "x"),), protocol="anthropic")
    markdown = methods([reply(), reply(request=other)], CATALOGUE).to_markdown()
    assert "| wcode.net (anthropic) |" in markdown
    assert markdown.startswith("We asked z-ai/glm-5 with")


def test_one_day_and_values_that_would_break_the_table() -> None:
    """A bar in a value is escaped; parameters are never cut, because what the table does not name was not sent."""
    stop = {"stop": ["a|b\nc" + "x" * 500]}
    account = methods([reply(parameters=stop)], CATALOGUE)
    row = account.to_markdown().splitlines()[-1]
    assert r"a\|b" in row
    assert row.count(" | ") == 9
    assert "x" * 500 in row
    assert "on 2026-03-07 (UTC)" in account.to_markdown()
    assert json.loads(account.to_json())["rows"][0]["settings"] == [stop]


def counted(*replies: Reply) -> int:
    """How many of them an account counts."""
    return sum(row.n for row in methods(replies, CATALOGUE).rows)


def test_an_answer_that_was_replayed_counts_once() -> None:
    """Neither beside its live original nor twice; live answers that are alike all count."""
    live = reply(id="1")
    again = msgspec.structs.replace(live, replayed=True)
    assert counted(live, again, again) == 1
    assert counted(again, again) == 1
    assert counted(live, live) == 2
    assert counted(again, msgspec.structs.replace(again, id="2")) == 2


def test_an_account_can_be_asked_at_any_time() -> None:
    """It goes on adding up after it was asked, and what it gave stays as it was."""
    account = Account()
    account.add(reply())
    before = account.methods(CATALOGUE)
    account.add(reply(usage=Usage(3, 4)))
    assert (before.rows[0].n, before.rows[0].input_tokens) == (1, 0)
    assert (account.methods(CATALOGUE).rows[0].n, account.methods(CATALOGUE).rows[0].input_tokens) == (2, 3)


def test_context_of_a_row() -> None:
    """Failures by kind, distinct questions and repeats, seeds, system prompts, example, latency, server versions."""
    asked = Request(
        model="m",
        messages=(Message("system", "Be brief."), Message("user", "2 + 2?")),
        parameters={"seed": 7, "temperature": 0},
    )
    fields: dict[str, object] = {"request": asked, "fingerprint": "a", "system_fingerprint": "fp1"}
    (row,) = methods(
        [
            reply(id="1", timing=Timing(first_token_s=0.5, total_s=1.0), raw={"lost_attempts": 2}, **fields),
            reply(id="2", timing=Timing(first_token_s=1.5, total_s=5.0), **fields),
            reply(id="3", ended="cut", **fields | {"fingerprint": "b"}),
            reply(id="4", fault=ErrorInfo(kind="ServerFault", what="x"), ended="failed", **fields),
        ],
        CATALOGUE,
    ).rows
    assert row.failed == {"cut": 1, "ServerFault": 1}
    assert (row.failures, row.retries, row.questions, row.repeats) == (2, 2, 2, 3)
    assert (row.seeds, row.systems, row.example) == ((7,), ("Be brief.",), "2 + 2?")
    assert (row.total_s, row.first_token_s, row.system_fingerprints) == (3.0, 1.0, ("fp1",))


def test_nothing_asked() -> None:
    """Without answers there is a sentence, not an empty table."""
    assert methods([], CATALOGUE).to_markdown() == "No model was called.\n"
