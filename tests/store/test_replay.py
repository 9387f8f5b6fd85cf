"""Recording and replaying: which answer each mode gives, and what a strict miss says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from wcode_jupyter import wire
from wcode_jupyter.errors import ReplayError
from wcode_jupyter.reply import Choice, ErrorInfo, Reply
from wcode_jupyter.request.messages import Image, Message, Request, Text
from wcode_jupyter.store import Mode, Record, default_path, opened, rewind

PNG = "data:image/png;base64,iVBORw0KGgo="
# sha256 of the eight bytes 89 50 4E 47 0D 0A 1A 0A, by sha256sum
PNG_HASH = "sha256:4c4b6a3be1314ab86138bef4314dde022e600960d8689a2c8f8631802d20dab6;image/png;8"


def request(prompt: str = "What is 2 + 2?", **changes: object) -> Request:
    fields: dict[str, object] = {"model": "z-ai/glm-5", "messages": (Message("user", prompt),)}
    return Request(**(fields | changes))  # type: ignore[arg-type]


def answer(asked: Request, text: str = "4", **changes: object) -> Reply:
    fields = {
        "request": asked,
        "fingerprint": wire.fingerprint(asked),
        "choices": (Choice(text),),
        "model": asked.model,
    }
    return Reply(**(fields | changes))  # type: ignore[arg-type]


def lookup(record: Record, asked: Request) -> Reply | None:
    return record.lookup(asked, wire.fingerprint(asked))


def texts(record: Record, asked: Request, times: int) -> list[str | None]:
    return [found.text if (found := lookup(record, asked)) else None for _ in range(times)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "study.replay.jsonl"


@pytest.fixture
def recorded(path: Path) -> Callable[..., Path]:
    """Records replies into the file in a session of its own."""

    def write(*replies: Reply) -> Path:
        record = Record(path, "auto")
        for reply in replies:
            record.add(reply)
        return path

    return write


def test_replayed_reply_equals_the_recorded_one(recorded: Callable[..., Path]) -> None:
    """What comes back is what was recorded, and says that it was replayed."""
    asked = request()
    live = answer(asked, "4", cost="0.001", ended="length")
    live = Reply.from_dict(live.to_dict())
    found = lookup(Record(recorded(live), "replay"), asked)
    assert found is not None
    assert found.replayed
    assert found.to_dict() == live.to_dict() | {"replayed": True}


def test_same_request_k_times_is_k_samples_in_order(recorded: Callable[..., Path]) -> None:
    """Samples come back in the order in which they were recorded, byte-identical ones included."""
    asked, other = request(), request("other")
    path = recorded(answer(asked, "a"), answer(other, "x"), answer(asked, "b"), answer(asked, "b"))
    record = Record(path, "replay")
    assert texts(record, asked, 3) == ["a", "b", "b"]
    assert texts(record, other, 1) == ["x"]


def test_one_sample_too_many_is_an_error_that_counts(recorded: Callable[..., Path]) -> None:
    """Replay never gives a sample twice."""
    asked = request()
    record = Record(recorded(answer(asked, "a"), answer(asked, "b")), "replay")
    assert texts(record, asked, 2) == ["a", "b"]
    with pytest.raises(ReplayError, match="2 answers"):
        lookup(record, asked)


def test_auto_asks_only_what_is_missing(recorded: Callable[..., Path]) -> None:
    """A recorded sample is given, the next one is asked, and what this session adds is not given back to it."""
    asked = request()
    path = recorded(answer(asked, "a"))
    record = Record(path, "auto")
    assert texts(record, asked, 2) == ["a", None]
    record.add(answer(asked, "b"))
    assert texts(record, asked, 1) == [None]
    assert texts(Record(path, "replay"), asked, 2) == ["a", "b"]


def test_recorded_failure_fails_again_in_replay_and_is_asked_again_in_auto(recorded: Callable[..., Path]) -> None:
    """Replay gives the failure; auto asks, and the new answer takes the failure's place in the file."""
    asked, other = request(), request("other")
    fault = ErrorInfo(kind="RateLimited", what="Too many requests", status=429)
    path = recorded(answer(asked, "", ended="failed", fault=fault), answer(other, "x"))
    failed = lookup(Record(path, "replay"), asked)
    assert failed is not None
    assert failed.fault == fault
    record = Record(path, "auto")
    assert texts(record, asked, 1) == [None]
    record.add(answer(asked, "4"))
    assert [json.loads(line)["choices"][0]["text"] for line in path.read_text().splitlines()] == ["4", "x"]


def test_an_interrupted_answer_is_asked_again_in_auto(recorded: Callable[..., Path]) -> None:
    """Also one that carries no error, as a run over rows leaves it; a strict replay gives the part that there is."""
    asked = request()
    path = recorded(answer(asked, "half", ended="interrupted"))
    assert texts(Record(path, "replay"), asked, 1) == ["half"]
    assert texts(Record(path, "auto"), asked, 1) == [None]


def test_record_mode_replaces_in_place_what_is_asked_and_leaves_the_rest(recorded: Callable[..., Path]) -> None:
    """Recording again leaves no stale double, keeps the order of the lines, and appends what is new."""
    asked, other = request(), request("other")
    path = recorded(answer(asked, "old 1"), answer(other, "kept"), answer(asked, "old 2"), answer(asked, "old 3"))
    record = Record(path, "record")
    for text in ("new 1", "new 2, longer"):
        assert lookup(record, asked) is None
        record.add(answer(asked, text))
    record.add(answer(request("third"), "added"))
    found = [json.loads(line)["choices"][0]["text"] for line in path.read_text().splitlines()]
    assert found == ["new 1", "kept", "new 2, longer", "old 3", "added"]


def test_two_sessions_recording_the_same_request_keep_both_answers(path: Path) -> None:
    """What another kernel wrote after this session began is no stale sample."""
    asked = request()
    Record(path, "record").add(answer(asked, "old"))
    one, two = Record(path, "record"), Record(path, "record")
    one.add(answer(asked, "one"))
    two.add(answer(asked, "two"))
    one.add(answer(asked, "one again"))
    assert texts(Record(path, "replay"), asked, 3) == ["one", "two", "one again"]


def test_auto_sees_what_another_kernel_added(path: Path) -> None:
    """Two kernels in mode auto share one file while both run."""
    one, two = Record(path, "auto"), Record(path, "auto")
    one.add(answer(request(), "shared"))
    assert texts(two, request(), 1) == ["shared"]


def test_off_and_replay_write_nothing_and_replayed_replies_are_not_recorded(path: Path) -> None:
    """Every reply of a session may be passed to add()."""
    Record(path, "off").add(answer(request()))
    Record(path, "auto").add(answer(request(), replayed=True))
    assert not path.exists()
    path.touch()
    Record(path, "replay").add(answer(request()))
    assert path.read_bytes() == b""
    assert Record(path, "off").lookup(request(), "") is None


def test_threads_lose_nothing(path: Path) -> None:
    """Eight threads recording through one Record write eight times ten whole lines."""
    record = Record(path, "auto")

    def work(worker: int) -> None:
        for number in range(10):
            record.add(answer(request(f"{worker} {number}")))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Record(path, "replay")) == 80


def test_strict_miss_names_nearest_record_and_what_differs(recorded: Callable[..., Path]) -> None:
    """The error names the line, and each differing field as recorded and as asked."""
    prompt = "Summarise.\nThe first line.\nThe last line."
    path = recorded(
        answer(request("Something else")), answer(request(prompt, parameters={"temperature": 0.2, "seed": 1}))
    )
    asked = request(prompt.replace("first", "second"), model="qwen3.6-plus", parameters={"temperature": 0.7})
    with pytest.raises(ReplayError) as caught:
        lookup(Record(path, "replay"), asked)
    message = str(caught.value)
    assert "line 2" in message
    assert "model: recorded 'z-ai/glm-5', now 'qwen3.6-plus'" in message
    assert "seed: recorded 1, now nothing" in message
    assert "temperature: recorded 0.2, now 0.7" in message
    assert "prompt line 2: recorded 'user: " not in message
    assert "prompt line 2: recorded 'The first line.', now 'The second line.'" in message
    assert "\n" not in message


def test_strict_miss_shows_a_difference_deep_in_a_long_line(recorded: Callable[..., Path]) -> None:
    """A difference a thousand characters into a line is shown, not cut away."""
    path = recorded(answer(request("x" * 1000 + " cat")))
    with pytest.raises(ReplayError, match=r"cat', now '….*dog"):
        lookup(Record(path, "replay"), request("x" * 1000 + " dog"))


def test_strict_miss_in_an_empty_file(path: Path) -> None:
    """An empty record says so."""
    path.touch()
    with pytest.raises(ReplayError, match="no answers yet"):
        lookup(Record(path, "replay"), request())


def test_miss_that_differs_in_an_image_only_says_so(recorded: Callable[..., Path]) -> None:
    """The same words with another image are another request, and the error says where."""
    one, two = (
        request(messages=(Message("user", (Text("What is this?"), Image(f"data:image/png;base64,{data}"))),))
        for data in ("iVBORw0KGgo=", "AAAA")
    )
    with pytest.raises(ReplayError, match="images"):
        lookup(Record(recorded(answer(one)), "replay"), two)


def test_images_are_recorded_by_hash_and_answered_all_the_same(path: Path) -> None:
    """The file holds hash, type and size of an image; the replayed Reply holds the request with its bytes."""
    asked = request(messages=(Message("user", (Text("What is this?"), Image(PNG))),))
    Record(path, "auto").add(answer(asked))
    recorded_part = json.loads(path.read_text())["request"]["messages"][0]["content"][1]
    assert recorded_part["url"] == PNG_HASH
    found = lookup(Record(path, "replay"), asked)
    assert found is not None
    assert found.request == asked


def test_keep_images_writes_them_inline(path: Path) -> None:
    """On request the record holds the image itself."""
    asked = request(messages=(Message("user", (Image(PNG),)),))
    Record(path, "auto").add(answer(asked), keep_images=True)
    assert PNG in path.read_text()


def test_edited_request_is_reported(recorded: Callable[..., Path]) -> None:
    """A request changed by hand no longer matches its fingerprint, and its answer is not given."""
    asked = request()
    path = recorded(answer(asked))
    path.write_text(path.read_text().replace("2 + 2", "2 + 3"))
    with pytest.raises(ReplayError, match=r"line 1: .*was edited"):
        lookup(Record(path, "replay"), asked)
    with pytest.raises(ReplayError, match="was edited"):
        list(Record(path, "replay").replies())
    with pytest.raises(ReplayError, match=r"line 1 has this request with another fingerprint"):
        lookup(Record(path, "replay"), request("What is 2 + 3?"))


def test_edited_request_that_speaks_of_a_hash_is_reported(recorded: Callable[..., Path]) -> None:
    """Only where an image is known by its hash can an edit not be noticed, not where a prompt has the word."""
    asked = request("What does sha256: mean? And 2 + 2?")
    path = recorded(answer(asked))
    path.write_text(path.read_text().replace("2 + 2", "2 + 3"))
    with pytest.raises(ReplayError, match=r"line 1: .*was edited"):
        lookup(Record(path, "replay"), asked)


def test_what_json_cannot_hold(path: Path) -> None:
    """A server's NaN is refused in one line; half a character, which has no UTF-8 form, becomes a question mark."""
    record = Record(path, "auto")
    with pytest.raises(ReplayError, match="This answer cannot be recorded"):
        record.add(answer(request(), raw={"score": float("nan")}))
    assert not path.exists()
    record.add(answer(request(), raw={"note": "a\ud83d"}))
    assert json.loads(path.read_text(encoding="utf-8"))["raw"] == {"note": "a?"}


def test_missing_file_is_an_error_in_replay_only(path: Path) -> None:
    """Replay needs its file; the other modes begin one."""
    with pytest.raises(ReplayError, match="Replay file not found"):
        Record(path, "replay")
    assert texts(Record(path, "auto"), request(), 1) == [None]


def test_unknown_mode(path: Path) -> None:
    """A mode that does not exist is refused with the list of those that do."""
    with pytest.raises(ReplayError, match="off, record, replay, auto"):
        Record(path, "rec")  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["record", "auto"])
def test_prompt_holding_a_key_is_refused_and_can_be_allowed(path: Path, mode: Mode) -> None:
    """Nothing is written, the error names kind and place, never the value."""
    key = "sk-" + "Zx81Qw93Er45Ty67Ui01Op"
    asked = request(f"Why does {key} not work?")
    with pytest.raises(ReplayError, match=r"the prompt seems to contain an API key") as caught:
        Record(path, mode).add(answer(asked))
    assert key not in str(caught.value)
    assert not path.exists()
    Record(path, mode).add(answer(asked), allow_secrets=True)
    assert len(Record(path, "replay")) == 1


def test_an_image_that_reads_like_a_key_is_no_key(path: Path) -> None:
    """Base64 may look like anything; an image is recorded whole where that is wanted."""
    asked = request(messages=(Message("user", (Image("data:image/png;base64,AKIAZ7Q3M5K9T1X4B8N2"),)),))
    Record(path, "auto").add(answer(asked), keep_images=True)
    assert "AKIAZ7Q3M5K9T1X4B8N2" in path.read_text()


def test_key_of_the_session_is_recognised_whatever_its_shape(path: Path) -> None:
    """The predicate of the caller knows keys that look like words."""
    record = Record(path, "auto")
    with pytest.raises(ReplayError, match="the answer seems to contain a key of this session"):
        record.add(answer(request(), "Say open sesame."), is_secret=lambda text: "open sesame" in text)


def test_all_clients_of_a_process_count_samples_together(path: Path) -> None:
    """A second client neither overwrites what the first has just recorded, nor replays its answer again."""
    asked = request()
    opened(path, "record").add(answer(asked, "first"))
    opened(path, "record").add(answer(asked, "second"))
    assert [texts(opened(path, "replay"), asked, 1)[0] for _ in range(2)] == ["first", "second"]
    rewind()
    assert texts(opened(path, "replay"), asked, 1) == ["first"]


def test_a_strict_miss_names_no_folder(recorded: Callable[..., Path]) -> None:
    """The error is part of a saved notebook: it must be the same on every machine."""
    path = recorded(answer(request("What is 2 + 2?")))
    record = Record(path, "replay")
    assert lookup(record, request("What is 2 + 2?"))
    for asked in (request("What is 2 + 3?"), request("What is 2 + 2?")):
        with pytest.raises(ReplayError, match=path.name) as caught:
            lookup(record, asked)
        assert str(path.parent) not in str(caught.value)


def test_replies_gives_the_file_in_order(recorded: Callable[..., Path]) -> None:
    """All recorded answers, as replayed Replies."""
    path = recorded(answer(request("a"), "1"), answer(request("b"), "2"), answer(request("a"), "3"))
    found = list(Record(path, "replay").replies())
    assert [reply.text for reply in found] == ["1", "2", "3"]
    assert all(reply.replayed for reply in found)


def test_default_path_is_a_sidecar_of_the_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notebook's name where one is known, with VS Code's addition cut off; else one fixed name."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert default_path() == Path("wcode-replay.jsonl")
    assert default_path(str(tmp_path / "a.ipynb")) == tmp_path / "a.replay.jsonl"
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "b.ipynb-jvsc-0123"))
    assert default_path() == tmp_path / "b.replay.jsonl"
    monkeypatch.setenv("JPY_SESSION_NAME", "/nowhere/at/all/c.ipynb")
    assert default_path() == Path("c.replay.jsonl")
    monkeypatch.setenv("JPY_SESSION_NAME", "console")
    assert default_path() == Path("wcode-replay.jsonl")


ZETA_FIRST = {"type": "object", "properties": {"zeta": {"type": "string"}, "alpha": {"enum": ["no", "maybe", "yes"]}}}
ALPHA_FIRST = {"properties": dict(reversed(ZETA_FIRST["properties"].items())), "type": "object"}  # type: ignore[attr-defined]


def with_schema(schema: dict[str, object], protocol: str = "openai", **parameters: object) -> Request:
    form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
    return request(parameters={"response_format": form, **parameters}, protocol=protocol)


@pytest.mark.parametrize(
    "asked",
    [
        with_schema(ZETA_FIRST),
        request(parameters={"tools": [{"type": "function", "function": {"name": "f", "parameters": ZETA_FIRST}}]}),
        request(parameters={"logit_bias": {"9": 1, "10": -1}}),
        request(extra_body={"zeta": {"b": 1, "a": 2}, "alpha": 1.0}),
        with_schema(ZETA_FIRST, protocol="anthropic", max_tokens=5),
    ],
    ids=["schema", "tools", "logit_bias", "extra_body", "anthropic"],
)
def test_record_asks_the_same_bytes(recorded: Callable[..., Path], asked: Request) -> None:
    """Whatever order the objects of a request had when it was sent is the order they have when it is read back."""
    (found,) = Record(recorded(answer(asked)), "replay").replies()
    assert found.request is not None
    assert msgspec.json.encode(wire.encode(found.request)) == msgspec.json.encode(wire.encode(asked))


def test_server_fields_keep_their_order(recorded: Callable[..., Path]) -> None:
    """Also what the server sent beside the answer is written as it came."""
    (found,) = Record(recorded(answer(request(), raw={"z": {"y": 1, "x": 2}, "a": 0})), "replay").replies()
    assert json.dumps(found.raw) == '{"z": {"y": 1, "x": 2}, "a": 0}'


def test_changed_order_is_another_question(recorded: Callable[..., Path]) -> None:
    """A model that follows a schema answers differently: strict replay names the order, auto asks."""
    path = recorded(answer(with_schema(ZETA_FIRST)))
    asked = with_schema(ALPHA_FIRST)
    assert wire.fingerprint(asked) == wire.fingerprint(with_schema(ZETA_FIRST))
    with pytest.raises(ReplayError) as caught:
        lookup(Record(path, "replay"), asked)
    assert (
        "study.replay.jsonl, line 1, differs in response_format.json_schema.schema: recorded in the order type, "
        "properties, now in the order properties, type; response_format.json_schema.schema.properties: recorded in "
        "the order zeta, alpha, now in the order alpha, zeta"
    ) in str(caught.value)
    record = Record(path, "auto")
    assert lookup(record, asked) is None
    record.add(answer(asked, "second"))
    strict = Record(path, "replay")
    assert texts(strict, asked, 1) == ["second"]
    assert texts(strict, with_schema(ZETA_FIRST), 1) == ["4"]


def test_files_recorded_before_the_order_was_kept_still_answer(path: Path) -> None:
    """A line without `order` answers the request in any order, as it did when it was written."""
    value = answer(with_schema(ZETA_FIRST)).to_dict() | {"v": 1}
    path.write_text(json.dumps(value, sort_keys=True) + "\n")
    for asked in (with_schema(ZETA_FIRST), with_schema(ALPHA_FIRST)):
        assert texts(Record(path, "replay"), asked, 1) == ["4"]
