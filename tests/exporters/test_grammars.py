"""Programs that cannot run here are read by a real grammar of their language, and their literals by our decoders."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from wcode_jupyter import wire
from wcode_jupyter.export import TARGETS, export
from wcode_jupyter.request.messages import Protocol

from ..export import decoders
from .texts import HARD, request_of

# Target -> module of the grammar, kinds of the nodes that may be the body's literal, decoder.
GRAMMARS: dict[str, tuple[str, tuple[str, ...], Callable[[str], str]]] = {
    "swift": ("tree_sitter_swift", ("raw_string_literal",), decoders.swift),
    "dart": ("tree_sitter_dart", ("string_literal", "raw_multi_line_string"), decoders.dart),
    "csharp": ("tree_sitter_c_sharp", ("verbatim_string_literal",), decoders.csharp),
    "csharp-restsharp": ("tree_sitter_c_sharp", ("verbatim_string_literal",), decoders.csharp),
    "powershell": ("tree_sitter_powershell", ("verbatim_here_string_characters",), decoders.powershell),
}
CASES = [
    (target, protocol, stream)
    for target in GRAMMARS
    for protocol, stream in product(TARGETS[target].protocols, (False, True))
]


def parsed(target: str, source: str) -> Any:
    tree_sitter = pytest.importorskip("tree_sitter")
    grammar = pytest.importorskip(GRAMMARS[target][0])
    language = tree_sitter.Language(grammar.language())
    return tree_sitter.Parser(language).parse(source.encode()).root_node


def nodes(node: Any) -> Iterator[Any]:
    yield node
    for child in node.children:
        yield from nodes(child)


@pytest.mark.parametrize(("target", "protocol", "stream"), CASES)
def test_grammar_and_body(target: str, protocol: Protocol, stream: bool) -> None:
    """The grammar finds no error, and the literal it finds decodes to the body of the cell."""
    request = request_of(list(HARD), protocol)
    source = export(target, request, base_url="https://wcode.net/api/gpt/v1", stream=stream)
    root = parsed(target, source)
    wrong = [node for node in nodes(root) if node.type == "ERROR" or node.is_missing]
    assert [source.encode()[node.start_byte : node.end_byte].decode() for node in wrong] == []
    _module, kinds, decode = GRAMMARS[target]
    literals = [
        node.text.decode()
        for node in nodes(root)
        if node.type in kinds and b'"messages"' in node.text.replace(b'""', b'"')
    ]
    assert literals
    assert json.loads(decode(literals[0])) == wire.encode(replace(request, stream=stream))


@pytest.mark.parametrize("target", GRAMMARS)
def test_grammar_sees_errors(target: str) -> None:
    """A grammar that accepted anything would prove nothing: a program cut in the middle is an error."""
    source = export(target, request_of(["hello"] * 5), base_url="https://wcode.net/api/gpt/v1")
    broken = source.replace("(", "", 3)
    root = parsed(target, broken)
    assert root.has_error
