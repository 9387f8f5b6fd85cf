"""Promises of structured output: what is sent is strict, what comes back is checked and typed."""

from __future__ import annotations

import datetime
import enum
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypedDict

import msgspec
import pytest

from tests.fault_server import FaultServer, chat
from tests.tool_server import calls
from wcode_jupyter import Client, Reply
from wcode_jupyter.errors import AnswerInvalid, InputError
from wcode_jupyter.prompt.schema import find_schema, parse, schema
from wcode_jupyter.reply import Choice
from wcode_jupyter.request.messages import Request
from wcode_jupyter.request.parameters import check


@dataclass
class Person:
    """Somebody."""

    name: str
    age: int | None = None


class Place(TypedDict):
    name: str
    tags: list[str]


class Tree(msgspec.Struct):
    label: Literal["a", "b"]
    children: list[Tree]


def answer(text: str, **fields: Any) -> Reply:
    return Reply(choices=(Choice(text=text),), **fields)


PERSON = {
    "title": "Person",
    "description": "Somebody.",
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WCODE_LANG", "en")


# -- what is sent -----------------------------------------------------------------------------------------------------


def test_a_dataclass_becomes_a_strict_schema() -> None:
    """All properties required, no others, defaults dropped: OpenAI's rules for strict schemas."""
    wanted = schema(Person)
    assert wanted.response_format == {
        "type": "json_schema",
        "json_schema": {"name": "Person", "strict": True, "schema": PERSON},
    }
    assert check("response_format", wanted.response_format) == wanted.response_format


def test_a_typed_dict_and_a_recursive_struct() -> None:
    """A TypedDict's fields are named; a type that contains itself keeps its definition."""
    assert schema(Place).body["properties"] == {
        "name": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
    }
    body = schema(Tree).body
    assert body["type"] == "object"
    assert body["properties"]["children"] == {"type": "array", "items": {"$ref": "#/$defs/Tree"}}
    assert body["$defs"]["Tree"]["required"] == ["label", "children"]
    assert body["properties"]["label"] == {"type": "string", "enum": ["a", "b"]}


def test_a_list_is_wrapped_because_the_top_must_be_an_object() -> None:
    """`list[Person]` is asked for as `{"items": [...]}` and read as the list, wrapped or not."""
    wanted = schema(list[Person])
    assert wanted.name == "Person_list"
    assert wanted.body["required"] == ["items"]
    assert wanted.body["properties"]["items"] == {"type": "array", "items": {"$ref": "#/$defs/Person"}}
    for text in ('{"items": [{"name": "Ada", "age": 36}]}', '[{"name": "Ada", "age": 36}]'):
        assert parse(answer(text), wanted).parsed == [Person("Ada", 36)]


def test_the_block_that_fits_is_meant() -> None:
    """Of several fenced blocks, an example and the answer; nothing is taken out of another value."""
    example, real = '{"name": "x"}', '{"name": "Ada", "age": 36}'
    wanted = schema(Person)
    text = f"Such as\n```json\n{example}\n```\nHere it is:\n```json\n{real}\n```\n"
    assert parse(answer(text), schema("name, age int")).parsed.age == 36
    assert parse(answer(f"\ufeffSure: {real}."), wanted).parsed == Person("Ada", 36)
    assert parse(answer(f"Sure: [{real}]"), schema(list[Person])).parsed == [Person("Ada", 36)]
    for text in (f'{{"person": {real}}}', f"Sure: [{real}]", f'```json\n{{"found": [{real}]}}\n```'):
        with pytest.raises(AnswerInvalid):
            parse(answer(text), schema("name, age int"))


def test_the_short_form() -> None:
    """Fields with types, text where there is none; the answer is an object with these attributes."""
    wanted = schema("name, age int, tags list[str], born date")
    assert wanted.body["properties"] == {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "born": {"type": "string", "format": "date"},
    }
    text = '{"name": "Ada", "age": 36, "tags": ["x"], "born": "1815-12-10"}'
    parsed = parse(answer(text), wanted).parsed
    assert (parsed.name, parsed.age, parsed.tags, parsed.born) == ("Ada", 36, ["x"], datetime.date(1815, 12, 10))


def test_a_json_schema_is_sent_stricter_than_it_is_never_looser() -> None:
    """`required` and `additionalProperties` are filled in, annotations dropped; the answer is checked by the user's."""
    pytest.importorskip("jsonschema", reason="the extra `schema` is not installed")
    wanted = schema(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "A thing!",
            "type": "object",
            "properties": {"n": {"type": "integer", "minimum": 3, "default": 5, "examples": [7]}},
        }
    )
    assert wanted.name == "A_thing"
    assert wanted.body == {
        "title": "A thing!",
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 3}},
        "required": ["n"],
        "additionalProperties": False,
    }
    assert parse(answer('{"n": 4}'), wanted).parsed == {"n": 4}
    with pytest.raises(AnswerInvalid, match=r"2 is less than the minimum of 3 - at `\$\.n`"):
        parse(answer('{"n": 2}'), wanted)


def test_a_pydantic_model_is_validated_by_pydantic() -> None:
    """Its own validators run, and its errors name the place; strict models read JSON's dates."""
    pydantic = pytest.importorskip("pydantic", reason="the extra `schema` is not installed")

    class Event(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(strict=True)
        day: datetime.date
        kind: Literal["a", "b"]
        seats: int = pydantic.Field(ge=1)

    wanted = schema(Event)
    assert wanted.body["required"] == ["day", "kind", "seats"]
    assert wanted.body["additionalProperties"] is False
    parsed = parse(answer('{"day": "2026-01-02", "kind": "a", "seats": 2}'), wanted).parsed
    assert parsed == Event(day=datetime.date(2026, 1, 2), kind="a", seats=2)
    with pytest.raises(AnswerInvalid, match=r"greater than or equal to 1 - at `\$\.seats`"):
        parse(answer('{"day": "2026-01-02", "kind": "a", "seats": 0}'), wanted)
    assert parse(answer("[]"), schema(list[Event])).parsed == []


UNSUPPORTED = [
    (dict[str, int], "without named keys"),
    ({"type": "object"}, "without named keys"),
    ({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": True}, "without named keys"),
    (set[int], "uniqueItems"),
    (tuple[int, str], "prefixItems"),
    (object, "any type"),
    ({"type": "object", "properties": {"a": {}}}, r"any type \(at \$\.a\)"),
    ({"type": "array"}, "list of any values"),
    ({"type": "object", "properties": {"a": {"type": "string"}}, "allOf": [{"type": "object"}]}, "allOf"),
    ({"type": "object", "properties": {"a": {"not": {"type": "string"}}}}, r"not \(at \$\.a\)"),
    ({"type": "nonsense"}, "Not a JSON Schema"),
    (3, "cannot be used as a schema"),
    (lambda: None, "cannot be used as a schema"),
    ("a b c", "Not a schema"),
    ("name, age nit", "Did you mean int"),
    ("name, name", "Duplicate field"),
    ("class, b", "Not a schema"),
    ("", "Not a schema"),
]


@pytest.mark.parametrize(("value", "words"), UNSUPPORTED)
def test_what_cannot_be_a_strict_schema_is_refused_by_name(value: Any, words: str) -> None:
    """The error names the part and where it stands; nothing is sent."""
    pytest.importorskip("jsonschema", reason="the extra `schema` is not installed")
    with pytest.raises(InputError, match=words):
        schema(value)


def test_a_variable_a_list_of_it_or_the_short_form() -> None:
    """`--schema` takes a name of the notebook, with a did-you-mean when it is not there."""
    namespace = {"Person": Person, "fields": "a int"}
    assert find_schema("Person", namespace).name == "Person"
    assert schema(made := schema(Person)) is made
    assert find_schema(" list[Person] ", namespace).name == "Person_list"
    assert list(find_schema("fields", namespace).body["properties"]) == ["a"]
    assert list(find_schema("a int, b", namespace).body["properties"]) == ["a", "b"]
    items = find_schema("list[a int, b]", namespace).body["properties"]["items"]
    assert items == {"type": "array", "items": {"$ref": "#/$defs/Answer"}}
    assert find_schema("list[str]", namespace).body["properties"]["items"]["items"] == {"type": "string"}
    with pytest.raises(InputError, match="Did you mean Person"):
        find_schema("Persn", namespace)
    with pytest.raises(InputError, match="--schema 'colour str'"):
        find_schema("colour", {"colours": print})


# -- what comes back --------------------------------------------------------------------------------------------------


def test_a_violation_keeps_the_text_and_names_the_place() -> None:
    """The reply is on the error; the detail is English for the model."""
    with pytest.raises(AnswerInvalid, match="does not match the schema Person") as caught:
        parse(answer('{"name": "Ada", "age": "old"}'), schema(Person))
    assert caught.value.reply is not None
    assert caught.value.reply.text == '{"name": "Ada", "age": "old"}'
    assert "$.age" in caught.value.detail
    assert "--retries-schema" in caught.value.hint


def test_an_answer_cut_by_max_tokens_says_so() -> None:
    """Half a JSON text is an error that tells what to raise."""
    with pytest.raises(AnswerInvalid, match="not JSON") as caught:
        parse(answer('{"name": "Ad', ended="length"), schema(Person))
    assert "max_tokens" in caught.value.hint


def test_parsed_is_beside_the_fields() -> None:
    """It changes neither equality nor JSON; a reply from a file gives plain values."""
    plain = answer('```json\n{"name": "Ada", "age": null}\n```')
    typed = parse(plain, schema(Person))
    assert typed.parsed == Person("Ada")
    assert typed == plain
    assert Reply.from_dict(json.loads(json.dumps(typed.to_dict()))).parsed == {"name": "Ada", "age": None}


def test_a_list_of_objects_is_a_table() -> None:
    """`to_frame` has a row for each object a schema asked for, whatever holds the list; else one row for the reply."""
    pytest.importorskip("pandas", reason="the extra `frames` is not installed")
    request = Request(model="m", messages=(), parameters={"response_format": schema(list[Person]).response_format})
    rows = '[{"name": "Ada", "age": 36}, {"name": "Alan", "age": 41}]'
    for text in (rows, f'{{"items": {rows}}}', f'{{"people": {rows}}}'):
        frame = answer(text, request=request).to_frame()
        assert frame.to_dict("list") == {"name": ["Ada", "Alan"], "age": [36, 41]}
    assert list(answer('{"n": 1}', request=request).to_frame()["text"]) == ['{"n": 1}']
    assert list(answer(rows).to_frame()["text"]) == [rows]
    assert list(answer("not JSON", request=request).to_frame()["text"]) == ["not JSON"]


# -- from Python ------------------------------------------------------------------------------------------------------


def test_a_client_asks_again_with_the_error() -> None:
    """The second request holds the wrong answer and what is wrong with it; the reply tells of it."""
    with (
        FaultServer(chat('{"name": 3}'), chat('{"name": "Ada", "age": 36}')) as server,
        Client(server.base_url) as client,
    ):
        reply = client.ask("Who?", model="m", schema=Person, retries_schema=1)
        assert reply.parsed == Person("Ada", 36)
        assert reply.notices[0].startswith("Retried: The answer does not match the schema Person")
        first, second = (request.json for request in server.requests)
    assert first["response_format"]["json_schema"]["schema"] == PERSON
    assert [turn["role"] for turn in second["messages"]] == ["user", "assistant", "user"]
    assert second["messages"][2]["content"] == (
        "This does not match the required JSON schema: Expected `str`, got `int` - at `$.name`."
        " Answer again, with the JSON alone."
    )


def test_without_retries_and_after_a_cut_there_is_one_request() -> None:
    """A cut answer would be cut again."""
    with FaultServer(chat('{"na', reason="length")) as server, Client(server.base_url) as client:
        with pytest.raises(AnswerInvalid):
            client.ask("Who?", model="m", schema=Person, retries_schema=3)
        assert len(server.requests) == 1
        server.script(chat("no"))
        with pytest.raises(AnswerInvalid, match="The request was sent 2 times"):
            client.ask("Who?", model="m", schema=Person, retries_schema=1)
        with pytest.raises(AnswerInvalid):
            client.ask("Who?", model="m", schema=Person)
        assert len(server.requests) == 4


def test_a_schema_and_a_response_format_are_one_too_many() -> None:
    """Neither is sent in silence in the other's place, on either kind of loop."""
    import asyncio

    with Client("http://127.0.0.1:9/v1") as client:
        with pytest.raises(InputError, match="use only one of them"):
            client.ask("Who?", model="m", schema=Person, response_format="json_object")
        with pytest.raises(InputError, match="use only one of them"):
            asyncio.run(client.aask("Who?", model="m", schema=Person, response_format="json_object"))


def test_in_the_anthropic_form_the_schema_is_a_tool() -> None:
    """The typed object comes all the same, also at the second attempt, which holds the first answer as text."""
    first, second = (calls("anthropic", ("Person", {"name": "Ada", "age": age})) for age in ("old", 36))
    with FaultServer(first, second) as server, Client(anthropic_base_url=server.origin) as client:
        client.session.keys.set(server.origin, "k")
        reply = client.ask("Who?", model="m", protocol="anthropic", schema=Person, retries_schema=1)
        assert (reply.parsed, reply.tool_calls, reply.finish_reason) == (Person("Ada", 36), (), "stop")
        sent = [request.json for request in server.requests]
    assert sent[0]["tools"] == sent[1]["tools"] == [{"name": "Person", "input_schema": PERSON}]
    assert sent[1]["messages"][1] == {"role": "assistant", "content": '{"name": "Ada", "age": "old"}'}


async def _aask(client: Client) -> Reply:
    return await client.aask("Who?", model="m", schema="name, age int", retries_schema=1)


def test_the_same_on_the_callers_own_loop() -> None:
    """`aask` asks again too."""
    import asyncio

    with FaultServer(chat("{}"), chat('{"name": "Ada", "age": 36}')) as server, Client(server.base_url) as client:
        assert asyncio.run(_aask(client)).parsed.age == 36
        assert len(server.requests) == 2


# -- as declared ------------------------------------------------------------------------------------------------------


class Ranked(TypedDict):
    zeta: Literal["strongly disagree", "disagree", "neither", "agree", "strongly agree"]
    alpha: int


class Mood(enum.Enum):
    SAD = "sad"
    GLAD = "glad"
    CALM = "calm"


@dataclass
class Judgement:
    mood: Mood
    level: Literal[3, 1, 2]


def test_fields_and_categories_keep_their_order() -> None:
    """A model follows the order of the schema; a scale is one."""
    ranked, judged = schema(Ranked).body, schema(Judgement).body
    assert list(ranked["properties"]) == ranked["required"] == ["zeta", "alpha"]
    assert ranked["properties"]["zeta"]["enum"][0::4] == ["strongly disagree", "strongly agree"]
    assert judged["$defs"]["Mood"]["enum"] == ["sad", "glad", "calm"]
    assert judged["properties"]["level"]["enum"] == [3, 1, 2]


def test_only_what_the_strict_subset_has_is_sent() -> None:
    """A reference with something beside it is inlined; unknown formats and patterns are left out, and checked here."""
    pytest.importorskip("jsonschema", reason="the extra `schema` is not installed")
    inner = {"type": "object", "properties": {"x": {"type": "string", "format": "uri", "minLength": 2}}}
    body = {
        "type": "object",
        "properties": {
            "inner": {"$ref": "#/$defs/Inner", "description": "what it is"},
            "code": {"type": "string", "pattern": "(?=a)b", "format": "date"},
        },
        "$defs": {"Inner": inner},
    }
    sent = schema(body).body
    assert sent["properties"]["inner"]["properties"] == {"x": {"type": "string"}}
    assert sent["properties"]["inner"]["description"] == "what it is"
    assert sent["properties"]["code"] == {"type": "string", "format": "date"}
    assert "$ref" not in json.dumps(sent)


def test_a_type_that_holds_itself_keeps_its_reference() -> None:
    """What cannot be inlined loses what stands beside it."""
    pytest.importorskip("jsonschema", reason="the extra `schema` is not installed")
    node = {
        "type": "object",
        "properties": {"next": {"$ref": "#/$defs/Node", "description": "the rest"}, "v": {"type": "string"}},
    }
    sent = schema({"$ref": "#/$defs/Node", "$defs": {"Node": node}}).body
    assert "#/$defs/Node" in json.dumps(sent)


def test_one_word_is_the_short_form_with_one_field() -> None:
    """Unless it may be a variable that was misspelt."""
    assert list(find_schema("label", {}).body["properties"]) == ["label"]
    with pytest.raises(InputError, match="No variable"):
        find_schema("labl", {"label": dict})


@pytest.mark.parametrize("text", ['{"age": 1.0}', '\ufeff{"age": 1}', 'Here: {"age": 1} as you asked.',
                                  '```python\nx\n```\n```json\n{"age": 1}\n```'])  # fmt: skip
def test_json_is_found_and_whole_numbers_are_integers(text: str) -> None:
    """Amid prose, after a fence of code, behind a byte order mark; 1.0 is an integer in JSON Schema."""
    assert parse(Reply(choices=(Choice(text=text),)), schema("age int")).parsed.age == 1


@pytest.mark.parametrize("text", ['{"x": NaN}', '{"x": 1e999}', '{"x": Infinity}'])
def test_what_is_no_number_in_json_does_not_fit(text: str) -> None:
    """Not JSON."""
    with pytest.raises(AnswerInvalid):
        parse(Reply(choices=(Choice(text=text),)), schema("x float"))


@dataclass
class Priced:
    price: Decimal
    weight: float
    parts: list[Decimal]


def _priced_model() -> Any:
    pydantic = pytest.importorskip("pydantic")
    fields = {"price": (Decimal, ...), "weight": (float, ...), "parts": (list[Decimal], ...)}
    return pydantic.create_model("PricedModel", **fields)


@pytest.mark.parametrize("kind", ["dataclass", "pydantic"])
def test_decimals_keep_all_their_digits(kind: str) -> None:
    """A Decimal is what the model wrote, and not the float nearest to it; other numbers beside it are floats."""
    type_ = Priced if kind == "dataclass" else _priced_model()
    text = '{"price": 1234567890123456.78, "weight": 0.1234567890123456789, "parts": [0.10, 98765432109876543.21]}'
    value = parse(answer(text), schema(type_)).parsed
    assert value.price == Decimal("1234567890123456.78")
    assert value.parts == [Decimal("0.10"), Decimal("98765432109876543.21")]
    assert value.weight == 0.12345678901234568
