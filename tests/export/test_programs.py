"""The programs as text: what is refused, what stands in every one of them, what never does."""

from __future__ import annotations

import re
from itertools import product

import pytest
from msgspec.structs import replace

from wcode_jupyter.errors import InputError, OptionError
from wcode_jupyter.export import TARGETS, export
from wcode_jupyter.reply import Reply
from wcode_jupyter.request.messages import Image, Message, Protocol, Request, Text

PROGRAMS = [row for row in TARGETS.values() if row.kind == "program"]
CASES = [(row.name, protocol, stream) for row in PROGRAMS for protocol, stream in product(row.protocols, (False, True))]
BASE = "https://wcode.net/api/gpt/v1"


def request(text: str = "你好", protocol: Protocol = "openai", **fields: object) -> Request:
    return Request(model="z-ai/glm-5", messages=(Message("user", text),), protocol=protocol, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(("target", "protocol", "stream"), CASES)
def test_each_program(target: str, protocol: Protocol, stream: bool) -> None:
    """A program is filled in completely, reads the key from WCODE_API_KEY and waits 300 seconds or more."""
    source = export(target, request(protocol=protocol), base_url=BASE + "/", stream=stream)
    assert "%%" not in source
    assert "@@" not in source
    assert "WCODE_API_KEY" in source
    assert "你好" in source
    assert "https://wcode.net/api/gpt/v1" in source
    assert "v1//" not in source
    assert "***" in source
    waits = [int(number.replace("_", "")) for number in re.findall(r"\b(?:300|600|3600|300_000|600_000)\b", source)]
    assert waits or "time.Hour" in source or "FromMinutes(10)" in source
    assert not re.search(r"[ \t]+$", source, re.MULTILINE)
    assert "\n\n\n\n" not in source
    assert source.endswith("\n")


def test_stream_is_what_was_asked_for() -> None:
    """The request's own `stream` does not matter: `export` decides, and the body says so."""
    whole = export("python", request(stream=True), base_url=BASE)
    stream = export("python", request(stream=False), base_url=BASE, stream=True)
    assert '"stream"' not in whole
    assert '"stream": True' in stream
    assert '"include_usage": True' in stream


def test_unknown_target() -> None:
    """An unknown target is an error that names the nearest one."""
    with pytest.raises(OptionError, match="python-openai"):
        export("python-openia", request(), base_url=BASE)


def test_tool_is_no_program() -> None:
    """A tool cannot be exported as a program."""
    with pytest.raises(InputError, match="tool to configure"):
        export("opencode", request(), base_url=BASE)


@pytest.mark.parametrize(
    ("made", "where"),
    [
        (request("a\0b"), r"messages\[0\]\.content"),
        (request(extra_body={"a\0": 1}), "body"),
        (request(extra_body={"x": {"y": ["\0"]}}), r"x\.y\[0\]"),
    ],
)
def test_nul_is_refused(made: Request, where: str) -> None:
    """A NUL character is refused by every target, with its place and the reason."""
    for row in PROGRAMS:
        if "openai" in row.protocols:
            with pytest.raises(InputError, match=where):
                export(row.name, made, base_url=BASE)


@pytest.mark.parametrize(
    ("target", "protocol", "other"),
    [("python-openai", "anthropic", "openai"), ("python-anthropic", "openai", "anthropic")],
)
def test_wrong_protocol(target: str, protocol: Protocol, other: str) -> None:
    """An SDK of one form refuses a request of the other and says how to ask."""
    with pytest.raises(InputError, match=f"--protocol {other}"):
        export(target, request(protocol=protocol), base_url=BASE)


@pytest.mark.parametrize(
    "url",
    ["", "wcode.net", "ftp://x/", "https://u:p@x/v1", "https://x/v1?k=1", "https://x/a b", 'https://x/"', "http://[x"],
)
def test_base_urls(url: str) -> None:
    """What is not a plain http(s) address, or holds a password, is refused."""
    with pytest.raises(InputError):
        export("curl", request(), base_url=url)


def test_sdk_arguments() -> None:
    """The OpenAI SDK gets what it does not know through extra_body."""
    made = request(parameters={"temperature": 0.2, "top_k": 5, "reasoning": {"effort": "low"}})
    source = export("python-openai", made, base_url=BASE)
    assert '    "temperature": 0.2,\n    "extra_body": {\n        "top_k": 5,\n        "reasoning": {' in source


def test_a_program_asks_where_it_was_asked() -> None:
    """Without a base URL the request's own server is the one: the gateway in either form, or another's address."""
    assert "https://wcode.net/api/gpt/v1/chat/completions" in export("curl", request())
    assert "https://wcode.net/api/anthropic/v1/messages" in export(
        "curl", request(protocol="anthropic", parameters={"max_tokens": 9})
    )
    assert "http://127.0.0.1:8080/v1/chat/completions" in export("curl", request(endpoint="http://127.0.0.1:8080/v1"))


def test_the_embedded_model_needs_an_address() -> None:
    """Its server has another address at every start, so no program can hold it; a base URL says where to ask."""
    local = Request(model="local", messages=(Message("user", "Hi"),), endpoint="local")
    with pytest.raises(InputError, match="local is the embedded model"):
        export("curl", local)
    assert "http://127.0.0.1:8080/v1/chat/completions" in export("curl", local, base_url="http://127.0.0.1:8080/v1")


def test_an_image_that_was_not_kept() -> None:
    """A hash in the place of an image, as in a replay file, is no image to send."""
    picture = Message("user", (Text("What?"), Image("sha256:00;image/png;12")))
    with pytest.raises(InputError, match="Only the hash"):
        export("curl", Request(model="m", messages=(picture,)))


def test_a_schema_in_the_anthropic_form() -> None:
    """Its answer comes as a tool call, of which a program would print nothing."""
    asked = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
    messages = (Message("user", "Hi"),)
    request = Request(model="m", messages=messages, protocol="anthropic", parameters={"response_format": asked})
    with pytest.raises(InputError, match="is a tool call"):
        export("python", request)
    assert "json_schema" in export("python", replace(request, protocol="openai"))


def test_a_reply_exports_its_request() -> None:
    """`reply.export("go")` is the program of its request; a reply without one says so."""
    asked = request("Hi", endpoint="http://127.0.0.1:8080/v1")
    reply = Reply(request=asked)
    assert reply.export("go", stream=True) == export("go", asked, stream=True)
    assert reply.export("go", base_url=BASE) == export("go", asked, base_url=BASE)
    with pytest.raises(InputError, match="contains no request"):
        Reply().export("go")
