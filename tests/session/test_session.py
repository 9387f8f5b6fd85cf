from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from wcode_jupyter import wire
from wcode_jupyter.client import Client
from wcode_jupyter.errors import InputError, KeyMissing, ModelUnclear, ParameterError
from wcode_jupyter.keys import Keys
from wcode_jupyter.reply.events import Finish, ReasoningDelta, TextDelta, Usage
from wcode_jupyter.reply.reply_builder import ReplyBuilder
from wcode_jupyter.request.messages import GATEWAY, LOCAL, Message, Protocol, Request
from wcode_jupyter.request.parameters import OMITTED
from wcode_jupyter.request.settings import SETTINGS
from wcode_jupyter.session import Session
from wcode_jupyter.session.ledger import booked


def test_a_cell_wins_over_set_over_config_over_environment_over_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """The precedence that `session` documents, one layer taken away at a time, with its source."""
    config = {"format": "code"}
    session = Session(config=lambda: config)
    monkeypatch.setenv("WCODE_FORMAT", "latex")
    session.set("format", "json")
    found = []
    cell: dict[str, str] = {"format": "text"}
    for take_away in (
        cell.clear,
        lambda: session.unset("format"),
        config.clear,
        lambda: monkeypatch.delenv("WCODE_FORMAT"),
    ):
        value = session.values(cell)["format"]
        found.append((value.value, value.source))
        take_away()
    value = session.values(cell)["format"]
    found.append((value.value, value.source))
    assert found == [
        ("text", "cell"),
        ("json", "%wcode set"),
        ("code", "%config"),
        ("latex", "WCODE_FORMAT"),
        ("markdown", "default"),
    ]


def test_the_models_own_defaults_come_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's catalogue may name parameters and a protocol for a model; the session wins over them."""
    file = tmp_path / "models.toml"
    file.write_text('[models."my/model"]\nprotocol = "anthropic"\ndefaults = { temperature = 0.6 }\n')
    monkeypatch.setenv("WCODE_CATALOGUE", str(file))
    session = Session()
    values = session.values({"model": "my/model"})
    assert (values["temperature"].value, values["temperature"].source) == (0.6, "model")
    assert (values["protocol"].value, values["protocol"].source) == ("anthropic", "model")
    session.set("temperature", 0.1)
    session.set("protocol", "openai")
    values = session.values({"model": "my/model"})
    assert (values["temperature"].value, values["protocol"].value) == (0.1, "openai")


def test_a_cell_leaves_out_what_it_inherits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever says it: the session, the configuration, the model. A setting falls back to its default."""
    file = tmp_path / "models.toml"
    file.write_text('[models."my/model"]\nprotocol = "anthropic"\ndefaults = { seed = 3, top_k = 4 }\n')
    monkeypatch.setenv("WCODE_CATALOGUE", str(file))
    session = Session(config=lambda: {"top_p": 0.5, "format": "code"})
    session.set("temperature", 0.1)
    names = ("temperature", "top_p", "seed", "protocol", "format")
    call = session.prepare("hi", {"model": "my/model", **dict.fromkeys(names, OMITTED)})
    assert call.request.parameters == {"top_k": 4}
    assert call.request.protocol == "openai"
    assert session.values({"format": OMITTED})["format"].source == "default"


def test_nothing_is_sent_that_nobody_set() -> None:
    """A request without settings has no parameters, whatever the pages call defaults."""
    request = Session().prepare("hi", {"model": "glm-5"}).request
    assert request.parameters == {}
    assert request.extra_body == {}
    assert [message.role for message in request.messages] == ["user"]


def test_a_bad_configured_value_names_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone with a wrong variable in the shell must see which one."""
    monkeypatch.setenv("WCODE_IDLE_TIMEOUT", "soon")
    with pytest.raises(ParameterError, match="WCODE_IDLE_TIMEOUT"):
        Session().values()


def test_every_setting_has_an_environment_variable() -> None:
    """`WCODE_` and the name in capitals."""
    assert {setting.environment for setting in SETTINGS} >= {
        "WCODE_MODEL",
        "WCODE_BASE_URL",
        "WCODE_ANTHROPIC_BASE_URL",
        "WCODE_REPLAY",
        "WCODE_REPLAY_FILE",
    }


def test_without_key_and_model_the_embedded_model_is_asked_and_that_is_said() -> None:
    """One line tells the user who answers."""
    call = Session().prepare("hi")
    assert (call.request.model, call.request.endpoint) == ("local", "local")
    assert any("demo model" in warning for warning in call.warnings)


def test_with_a_key_and_without_a_model_the_user_is_asked_to_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's money is spent on a model that nobody chose."""
    monkeypatch.setenv("WCODE_API_KEY", "sk-test")
    with pytest.raises(InputError, match="No model selected"):
        Session(keys=Keys()).prepare("hi")


def test_a_short_name_becomes_the_whole_id() -> None:
    """`glm-5` reaches the wire as `z-ai/glm-5`."""
    assert Session().prepare("hi", {"model": "glm-5"}).request.model == "z-ai/glm-5"


def test_max_tokens_over_the_context_is_an_error() -> None:
    """GLM 5 reads 200,000 tokens."""
    with pytest.raises(ParameterError, match="200000"):
        Session().prepare("hi", {"model": "glm-5", "max_tokens": 200001})


def test_an_unlisted_parameter_is_sent_with_a_warning() -> None:
    """Qwen 3.6 Plus does not list `reasoning`."""
    call = Session().prepare("hi", {"model": "qwen3.6-plus", "reasoning": "low"})
    assert call.request.parameters == {"reasoning": {"effort": "low"}}
    assert any("reasoning is not listed" in warning for warning in call.warnings)


@pytest.mark.parametrize("prompt", ["", "   \n\t"])
def test_an_empty_prompt_is_an_error(prompt: str) -> None:
    """There is nothing to send."""
    with pytest.raises(InputError, match="no text"):
        Session().prepare(prompt, {"model": "glm-5"})


def test_the_estimate_uses_the_pages_price() -> None:
    """500 output tokens of GLM 5 cost at most 500 × 0.035 / 1000 = ¥0.0175."""
    estimate = Session().prepare("hi", {"model": "glm-5", "max_tokens": 500}).estimate
    assert estimate.output_cny == Decimal("0.0175")


def test_a_spent_budget_stops_the_next_call() -> None:
    """`max_cost` counts what live replies of the session cost."""
    session = Session()
    session.set("max_cost", "0.001")
    call = session.prepare("hi", {"model": "glm-5", "max_tokens": 10})
    reserved = session.reserve(call)
    builder = ReplyBuilder(call.request, price=session.catalogue.cost)
    for event in (TextDelta("x"), Usage(15, 210), Finish("stop")):
        builder.apply(event)
    session.ledger.settle(reserved, booked(builder.reply(), call.estimate.most_cny))
    with pytest.raises(InputError, match=r"0\.007515"):
        session.reserve(call)


def test_an_answer_that_may_pass_the_budget_is_not_asked() -> None:
    """glm-5 may write for more than ¥0.5 where nobody limits it."""
    session = Session(overrides={"model": "glm-5", "max_cost": 0.5})
    with pytest.raises(InputError, match="may cost"):
        session.reserve(session.prepare("hi"))
    assert session.reserve(session.prepare("hi", {"max_tokens": 100})) > 0


def test_the_port_of_the_embedded_model_is_in_no_fingerprint() -> None:
    """Two sessions, two ports, one fingerprint."""
    calls = [Session().prepare("hi", {"model": "local"}) for _ in range(2)]
    assert calls[0].fingerprint == calls[1].fingerprint


@pytest.mark.parametrize(
    ("identity", "protocol", "base_url"),
    [
        (GATEWAY, "openai", "https://wcode.net/api/gpt/v1"),
        (GATEWAY, "anthropic", "https://wcode.net/api/anthropic"),
        ("http://127.0.0.1:1/v1", "openai", "http://127.0.0.1:1/v1"),
        ("http://127.0.0.1:2/v1", "openai", "http://127.0.0.1:2/v1"),
    ],
)
def test_a_recorded_request_is_repeated_at_the_server_it_was_asked_at(
    identity: str, protocol: Protocol, base_url: str
) -> None:
    """Whatever the session's own base URL and parameters are; it is neither replayed nor recorded."""
    session = Session()
    session.set("base_url", "http://127.0.0.1:1/v1")
    session.set("replay", "record")
    session.set("temperature", "1")
    request = Request(model="m", messages=(Message("user", "hi"),), protocol=protocol, endpoint=identity)
    call = session.repeat(request)
    assert (call.endpoint.base_url, call.endpoint.identity) == (base_url, identity)
    assert (call.request, call.replay) == (request, "off")


def test_a_request_to_another_embedded_model_is_not_repeated() -> None:
    """The demo model must not answer for a user's own file."""
    session = Session()
    own, demo = (Request(model=name, messages=(Message("user", "hi"),), endpoint=LOCAL) for name in ("local:a", LOCAL))
    assert session.repeat(demo).endpoint.identity == LOCAL
    with pytest.raises(InputError, match="local:a is not the embedded model in use"):
        session.repeat(own)
    session.local_model = "local:a"
    assert session.repeat(own).request == own


def test_a_model_that_opens_its_thinking_is_read_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue's word reaches the decoder, and changes neither the body nor the fingerprint."""
    cell = {"model": "my/model", "base_url": "http://127.0.0.1:9/v1"}
    plain = Session().prepare("hi", cell)
    file = tmp_path / "models.toml"
    file.write_text('[models."my/model"]\nthinking_opened = true\n')
    monkeypatch.setenv("WCODE_CATALOGUE", str(file))
    call = Session().prepare("hi", cell)
    assert call.fingerprint == plain.fingerprint
    decoder = wire.decoder(call.request)
    chunks = [
        b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % text for text in (b"h", b"m</th", b"ink>4")
    ]
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    assert [event for event in events if isinstance(event, ReasoningDelta | TextDelta)] == [
        ReasoningDelta("h", field="<think>"),
        ReasoningDelta("m", field="<think>"),
        TextDelta("4"),
    ]


def test_the_name_on_a_page_is_sent_as_its_id() -> None:
    """Title, name, any case, the series before the slash; with its price and its checks."""
    session = Session(keys=Keys("sk-of-a-test", keyring=False))
    for name in ("GLM 5", "glm 5", "Z-AI/glm-5", "GLM/GLM-5"):
        call = session.prepare("hi", {"model": name})
        assert call.request.model == "z-ai/glm-5"
        assert call.estimate.input_cny is not None


def test_an_id_much_like_a_known_one_is_not_sent_by_itself() -> None:
    """The error names both; `exact_model` sends it, and any other unknown id goes out untouched."""
    session = Session()
    with pytest.raises(ModelUnclear, match=r"zhipu/glm-5.*Use z-ai/glm-5.*--exact-model") as caught:
        session.prepare("hi", {"model": "zhipu/glm-5"})
    assert (caught.value.typed, caught.value.near) == ("zhipu/glm-5", "z-ai/glm-5")
    assert session.prepare("hi", {"model": "zhipu/glm-5", "exact_model": True}).request.model == "zhipu/glm-5"
    assert session.prepare("hi", {"model": "GLM 5", "exact_model": True}).request.model == "GLM 5"
    assert session.prepare("hi", {"model": "acme/New"}).request.model == "acme/New"


@pytest.mark.parametrize(
    ("model", "page"),
    [
        ("qwen3.6-plus", "https://platform.wcode.net"),
        ("glm-5", "https://wcode.net/get-apikey"),
        ("acme/new", "https://wcode.net/get-apikey"),
    ],
)
def test_a_missing_key_names_the_page_of_the_model(model: str, page: str) -> None:
    """A key from another place may be another account's."""
    with Client(session=Session(keys=Keys(keyring=False))) as client, pytest.raises(KeyMissing) as caught:
        client.ask("hi", model=model)
    assert f"Get one at {page}, then" in caught.value.hint
