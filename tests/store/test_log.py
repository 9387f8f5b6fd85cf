"""The log of calls: search, usage, forgetting, and a log that is locked, corrupt or too new."""

from __future__ import annotations

import datetime
import sqlite3
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from wcode_jupyter.errors import LogError
from wcode_jupyter.keys import Keys
from wcode_jupyter.reply import ErrorInfo, Reply
from wcode_jupyter.reply.events import Usage
from wcode_jupyter.request.messages import Image, Message, Text
from wcode_jupyter.store import CallRow, Log, UsageRow, log, to_frame

from .test_replay import PNG, PNG_HASH, answer, request

NOON = datetime.datetime(2026, 3, 7, 12, tzinfo=datetime.UTC)


@pytest.fixture
def calls(tmp_path: Path) -> Iterator[Log]:
    found = Log(tmp_path / "data" / "calls.sqlite")
    yield found
    found.close()


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """A log made by a SQLite without FTS5."""
    monkeypatch.setattr(log, "_has_trigrams", lambda: False)
    found = Log(tmp_path / "plain.sqlite")
    yield found
    found.close()


def ids(rows: list[CallRow]) -> list[int]:
    return [row.id for row in rows]


def test_get_brings_the_reply_back(calls: Log) -> None:
    """The logged Reply is the Reply."""
    reply = Reply.from_dict(answer(request(), cost=Decimal("0.0012"), usage=Usage(9, 6), asked_at=NOON).to_dict())
    assert calls.get(calls.add(reply)) == reply


def test_row_holds_what_a_table_shows(calls: Log) -> None:
    """Asked and answered model, shortened texts, tokens, exact cost, time in UTC."""
    asked = request("line one\nline two " + "x" * 500)
    reply = answer(asked, "yes", model="glm-5-0301", cost=Decimal("0.00120"), usage=Usage(9, 6), asked_at=NOON)
    calls.add(reply)
    (row,) = calls.search()
    assert (row.at, row.model, row.answered, row.text) == (NOON, "z-ai/glm-5", "glm-5-0301", "yes")
    assert row.prompt.startswith("line one line two xxx")
    assert len(row.prompt) == 200
    assert (row.input_tokens, row.output_tokens, str(row.cost_cny), row.replayed) == (9, 6, "0.00120", False)


@pytest.mark.parametrize("kind", ["calls", "plain"])
def test_search_by_words(kind: str, request: pytest.FixtureRequest) -> None:
    """Every word must be in prompt or answer; parts of Chinese sentences, short words and odd signs are found."""
    found: Log = request.getfixturevalue(kind)
    from .test_replay import request as ask

    cat = found.add(answer(ask("为什么天空是蓝色的？"), "瑞利散射 Rayleigh"))
    dog = found.add(answer(ask('100% of "dogs" AND cats_'), "C:\\temp NEAR(x)"))
    assert ids(found.search("天空")) == [cat]
    assert ids(found.search("天空是 rayleigh")) == [cat]
    assert ids(found.search("天空 dogs")) == []
    assert ids(found.search('"dogs"')) == [dog]
    assert ids(found.search("100%")) == [dog]
    assert ids(found.search("1%0")) == []
    assert ids(found.search("cats_")) == [dog]
    assert ids(found.search("catsx")) == []
    assert ids(found.search("C:\\temp NEAR(x)")) == [dog]
    assert ids(found.search()) == [dog, cat]


def test_search_by_model_and_time(calls: Log) -> None:
    """Filters by a part of the model's id and by date or time, newest first, at most `limit`."""
    for hour, model in enumerate(["z-ai/glm-5", "qwen3.6-plus", "z-ai/glm-5"]):
        calls.add(answer(request(model=model)), at=NOON + datetime.timedelta(hours=hour))
    assert ids(calls.search(model="glm")) == [3, 1]
    assert ids(calls.search(since=NOON + datetime.timedelta(hours=1))) == [3, 2]
    assert ids(calls.search(since=datetime.date(2026, 3, 1))) == [3, 2, 1]
    assert ids(calls.search(since=datetime.date(2026, 3, 10))) == []
    assert ids(calls.search(limit=1)) == [3]


def test_content_can_be_left_out(calls: Log, tmp_path: Path) -> None:
    """Only the facts of the call are kept: neither prompt nor answer nor the server's words reach the file."""
    fault = ErrorInfo(kind="BadRequest", what="no zebra here")
    call = calls.add(answer(request("a giraffe"), "an elephant", fault=fault), content=False)
    (row,) = calls.search()
    assert (row.prompt, row.text, row.model, row.error) == ("", "", "z-ai/glm-5", "BadRequest")
    with pytest.raises(LogError, match="without its content"):
        calls.get(call)
    calls.close()
    data = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
    assert not any(word in data for word in (b"giraffe", b"elephant", b"zebra"))


def test_images_are_logged_by_hash(calls: Log) -> None:
    """A picture does not fill the log."""
    asked = request(messages=(Message("user", (Text("What?"), Image(PNG))),))
    found = calls.get(calls.add(answer(asked))).request
    assert found is not None
    assert found.messages[0].content[1] == Image(PNG_HASH)


def test_usage_by_model_and_day(calls: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens and exact RMB of live calls; replayed, failed and unpriced ones counted apart."""
    monkeypatch.setattr(log, "_DAY", "date(at)")
    monkeypatch.setitem(log._GROUPINGS, "both", ("model", "date(at)"))
    monkeypatch.setitem(log._GROUPINGS, "day", ("''", "date(at)"))
    priced = {"cost": Decimal("0.1"), "usage": Usage(10, 5)}
    calls.add(answer(request(), **priced), at=NOON)
    calls.add(answer(request(), cost=Decimal("0.2"), usage=Usage(10, 5)), at=NOON)
    calls.add(answer(request(), **priced, replayed=True), at=NOON)
    calls.add(answer(request(), ended="failed", fault=ErrorInfo(kind="RateLimited", what="x")), at=NOON)
    calls.add(answer(request(model="local"), usage=Usage(1, 1)), at=NOON + datetime.timedelta(days=1))
    glm = {"calls": 3, "replayed": 1, "failures": 1, "input_tokens": 20, "output_tokens": 10, "unpriced": 1}
    local = {"calls": 1, "replayed": 0, "failures": 0, "input_tokens": 1, "output_tokens": 1, "unpriced": 1}
    assert calls.usage("model") == [
        UsageRow(model="local", day="", cost_cny=None, **local),
        UsageRow(model="z-ai/glm-5", day="", cost_cny=Decimal("0.3"), **glm),
    ]
    assert calls.usage("day") == [
        UsageRow(model="", day="2026-03-07", cost_cny=Decimal("0.3"), **glm),
        UsageRow(model="", day="2026-03-08", cost_cny=None, **local),
    ]
    assert [(row.model, row.day) for row in calls.usage("both")] == [
        ("z-ai/glm-5", "2026-03-07"),
        ("local", "2026-03-08"),
    ]
    assert [row.model for row in calls.usage("model", since=NOON + datetime.timedelta(hours=1))] == ["local"]


@pytest.mark.parametrize("kind", ["calls", "plain"])
def test_forget_removes_the_text_from_the_file(kind: str, request: pytest.FixtureRequest) -> None:
    """What is forgotten is in no page of the file, and the rest still stands."""
    found: Log = request.getfixturevalue(kind)
    from .test_replay import request as ask

    kept, gone = (found.add(answer(ask(prompt))) for prompt in ("a giraffe", "an ichthyosaurus"))
    assert found.forget(id=gone) == 1
    assert ids(found.search()) == [kept]
    assert ids(found.search("ichthyosaurus")) == []
    found.close()
    data = b"".join(path.read_bytes() for path in found.path.parent.iterdir() if path.is_file())
    assert b"giraffe" in data
    assert b"ichthyosaurus" not in data
    assert b"saurus" not in data


def test_forget_by_time_or_all(calls: Log) -> None:
    """Those before a time, then the rest; what to forget must be said."""
    for day in range(3):
        calls.add(answer(request()), at=NOON + datetime.timedelta(days=day))
    assert calls.forget(before=NOON + datetime.timedelta(days=1)) == 1
    assert ids(calls.search()) == [3, 2]
    with pytest.raises(LogError, match="Choose what to delete"):
        calls.forget()
    assert calls.forget(all=True) == 2
    assert calls.search() == []


def test_retention_is_applied_when_the_log_is_opened(tmp_path: Path) -> None:
    """Old calls are gone at the next opening; without a retention all stay."""
    path = tmp_path / "calls.sqlite"
    now = datetime.datetime.now(datetime.UTC)
    first = Log(path)
    first.add(answer(request("old")), at=now - datetime.timedelta(days=31))
    first.add(answer(request("new")), at=now - datetime.timedelta(days=29))
    first.close()
    second = Log(path, retention_days=30)
    assert [row.prompt for row in second.search()] == ["new"]
    assert second.search("old") == []
    second.close()


def test_what_retention_forgets_is_gone_from_the_file(calls: Log) -> None:
    """Its text is overwritten, not only marked as free."""
    now = datetime.datetime.now(datetime.UTC)
    calls.add(answer(request("an ichthyosaurus " * 200)), at=now - datetime.timedelta(days=31))
    calls.add(answer(request("a giraffe")), at=now)
    calls.retain(30)
    calls.close()
    data = calls.path.read_bytes()
    assert b"a giraffe" in data
    assert b"an ichthyosaurus" not in data


def test_a_cut_answer_is_a_failure_and_a_stopped_one_is_not(calls: Log) -> None:
    """What the user ended did not fail."""
    for ended in ("complete", "length", "interrupted", "cut", "failed"):
        calls.add(answer(request(), ended=ended))
    (row,) = calls.usage()
    assert (row.calls, row.failures) == (5, 2)


def test_retention_that_is_set_later_holds_at_once(calls: Log) -> None:
    """A log in use forgets what is older when it is told to; told to keep all, it forgets no more."""
    now = datetime.datetime.now(datetime.UTC)
    for days in (31, 29):
        calls.add(answer(request()), at=now - datetime.timedelta(days=days))
    calls.retain(30)
    assert ids(calls.search()) == [2]
    calls.retain(None)
    assert ids(calls.search()) == [2]


def test_a_key_in_use_is_masked(calls: Log, tmp_path: Path) -> None:
    """A prompt or an answer that holds it is logged without it, readable all the same."""
    key = "sk-Zx81Qw93Er45Ty67Ui01Op"
    call = calls.add(answer(request(f"is {key} right?"), f"no, {key}"), redact=Keys(key).redact)
    found = calls.get(call)
    assert found.request is not None
    assert (found.request.messages[0].text, found.text) == ("is ••• right?", "no, •••")
    assert [(row.prompt, row.text) for row in calls.search("right")] == [("is ••• right?", "no, •••")]
    calls.close()
    assert not any(key.encode() in path.read_bytes() for path in (tmp_path / "data").iterdir())


def test_log_is_for_its_user_only_and_in_wal_mode(calls: Log) -> None:
    """No other user of the machine reads prompts; readers do not block the writer."""
    calls.add(answer(request()))
    assert calls.path.stat().st_mode & 0o077 == 0
    other = sqlite3.connect(calls.path)
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()


def test_threads_and_two_logs_share_a_file(calls: Log) -> None:
    """Two kernels with four threads each lose no call."""
    other = Log(calls.path)

    def work(found: Log) -> None:
        for _ in range(10):
            found.add(answer(request()))

    threads = [threading.Thread(target=work, args=(found,)) for found in (calls, other) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert len(calls.search(limit=1000)) == 80


def test_corrupt_log_is_one_line(tmp_path: Path) -> None:
    """A file that is no database is named, with what to do."""
    path = tmp_path / "calls.sqlite"
    path.write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(LogError, match="Move the file away") as caught:
        Log(path).add(answer(request()))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_damaged_reply_is_one_line(calls: Log) -> None:
    """A row whose content was damaged is named."""
    call = calls.add(answer(request()))
    other = sqlite3.connect(calls.path, isolation_level=None)
    other.execute("UPDATE calls SET reply = x'00'")
    other.close()
    with pytest.raises(LogError, match=f"Call {call} of the log is damaged"):
        calls.get(call)
    with pytest.raises(LogError, match="Call 99 is not in the log"):
        calls.get(99)


def test_locked_log_gives_up(calls: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock held elsewhere ends in an error, and the log works again afterwards."""
    monkeypatch.setattr(log, "_BUSY_S", 0.01)
    calls.add(answer(request()))
    other = sqlite3.connect(calls.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LogError, match="locked"):
        calls.add(answer(request()))
    other.execute("ROLLBACK")
    other.close()
    assert calls.add(answer(request())) == 2


def test_log_of_a_newer_version_is_left_alone(calls: Log) -> None:
    """An older release does not write into a schema that it does not know."""
    calls.add(answer(request()))
    calls.close()
    other = sqlite3.connect(calls.path, isolation_level=None)
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(LogError, match="version 99"):
        calls.search()


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A data folder that cannot be is one line too."""
    (tmp_path / "file").touch()
    with pytest.raises(LogError, match="cannot be used"):
        Log(tmp_path / "file" / "calls.sqlite").search()


def test_frames(calls: Log) -> None:
    """Rows become a DataFrame with the same columns, also when there is none."""
    pytest.importorskip("pandas")
    assert list(to_frame(calls.search(), CallRow).columns) == list(CallRow.__struct_fields__)
    calls.add(answer(request(), cost=Decimal("0.5")))
    assert to_frame(calls.search(), CallRow).loc[0, "cost_cny"] == 0.5
