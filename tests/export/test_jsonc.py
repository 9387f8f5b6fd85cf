"""Merging into a JSON file that people wrote: everything else stays byte for byte."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcode_jupyter.errors import InputError
from wcode_jupyter.export.jsonc import merge, merged, parse

keys = st.sampled_from(["a", "b", "wcode", "ключ", 'q"k', ""])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=10,
)
objects = st.dictionaries(keys, values, max_size=4)

HARD = """\ufeff// my settings
{
  "$schema": "https://x/y", // a "comment" {
  /* "provider": {"not": "this"}, */
  "provider": {
    "other": { "models": { "a/b": {} } }, // keep
    'wcode': {
      options: { baseURL: "https://old", apiKey: "{env:MINE}", },
    },
  },
  "list": [1, 2.50, -0, 1e3, "}", '\\'"', ], // end
  "unicode": "\\u4f60 // not a comment",
  // last word
}
// after the end
"""


def test_hard_file() -> None:
    """Comments, trailing commas, single quotes, bare keys, a BOM: only the changed value and the new member differ."""
    patch = {"provider": {"wcode": {"options": {"baseURL": "https://new"}, "name": "wcode"}}}
    expected = HARD.replace('"https://old"', '"https://new"').replace(
        'apiKey: "{env:MINE}", },\n', 'apiKey: "{env:MINE}", },\n      "name": "wcode",\n'
    )
    assert merge(HARD, patch) == expected
    assert merge(expected, patch) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", '{\n  "x": {\n    "y": 1\n  }\n}\n'),
        (" \r\n", '{\n  "x": {\n    "y": 1\n  }\n}\n'),
        ("{}", '{\n  "x": {\n    "y": 1\n  }\n}'),
        ('{"a": 1}', '{"a": 1,\n  "x": {\n    "y": 1\n  }\n}'),
        ('{\n\t"a": 1\n}', '{\n\t"a": 1,\n\t"x": {\n\t\t"y": 1\n\t}\n}'),
        ('{\n    "a": 1 // why\n}\n', '{\n    "a": 1, // why\n    "x": {\n        "y": 1\n    }\n}\n'),
        ('{\r\n  "a": 1,\r\n}', '{\r\n  "a": 1,\r\n  "x": {\r\n    "y": 1\r\n  },\r\n}'),
        ("{ // nothing yet\n}", '{ // nothing yet\n  "x": {\n    "y": 1\n  }\n}'),
        ('{"x": {"y": 2, "y": 0}}', '{"x": {"y": 2, "y": 1}}'),
        ('{"x": null}', '{"x": {\n  "y": 1\n}}'),
    ],
)
def test_layouts(text: str, expected: str) -> None:
    """The new member takes the indentation, line end and trailing comma of its neighbours."""
    assert merge(text, {"x": {"y": 1}}) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "[]",
            "1",
            "{",
            '{"a" 1}',
            '{"a": 1 "b": 2}',
            '{"a": 1,,}',
            "{,}",
            '{"a": }',
            "{} x",
            '{"a": "\n"}',
            "{...x}",
        ),
        *('{"a": 1', "{'a: 1}", '{"a": \\u0031}', "{" * 5000, '{"a":' * 5000, '{"a": tru}', "<p>"),
    ],
)
def test_refused(text: str) -> None:
    """What is not an object in this grammar is refused, and never another exception."""
    with pytest.raises(InputError):
        merge(text, {"x": 1})


def test_the_line_is_named() -> None:
    """The refusal tells where."""
    with pytest.raises(InputError, match="line 3"):
        parse('{\n  "a": 1,\n  b c\n}')


def test_lists_by_id() -> None:
    """Objects with an id are merged one by one; others stay and new ones come last."""
    text = '{"models": [\n  {"id": "a", "x": 1}, // mine\n  {"id": "b"}\n]}'
    patch = {"models": [{"id": "a", "x": 2}, {"id": "c"}]}
    assert merge(text, patch) == (
        '{"models": [\n  {"id": "a", "x": 2}, // mine\n  {"id": "b"},\n  {\n    "id": "c"\n  }\n]}'
    )


@given(old=objects, patch=objects, indent=st.sampled_from([None, 1, 2, 4, "\t"]))
def test_any_object(old: dict[str, Any], patch: dict[str, Any], indent: int | str | None) -> None:
    """For any two objects the result means their merge, a second time changes nothing, an empty patch neither."""
    text = json.dumps(old, indent=indent)
    new = merge(text, patch)
    assert json.loads(new) == merged(old, patch)
    assert merge(new, patch) == new
    assert merge(text, {}) == text


@given(value=values)
def test_reads_json(value: Any) -> None:
    """All of plain JSON is read as Python's own reader does."""
    assert parse(json.dumps(value)) == value
    assert parse(json.dumps(value, ensure_ascii=False, indent=3)) == value


@given(text=st.text(alphabet="{}[]\"',:/*\\ \nab1-.tn", max_size=30))
def test_no_other_exception(text: str) -> None:
    """Any text is either read or refused."""
    with contextlib.suppress(InputError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{a: .5}", 0.5),
        ("{a: -.5e1}", -5.0),
        ("{a: 5.}", 5.0),
        ("{a: 0xFF}", 255),
        ("{a: +7}", 7),
        ('{a: "one \\\ntwo"}', "one two"),
        ("{a: 'one \\\r\ntwo'}", "one two"),
        ('{a: "back\\\\"}', "back\\"),
    ],
)
def test_numbers_and_texts_of_json5(text: str, value: Any) -> None:
    """What OpenClaw reads and JSON does not know; a change beside them leaves them as they are."""
    assert parse(text) == {"a": value}
    assert parse(merge(text, {"b": 1})) == {"a": value, "b": 1}


def test_a_file_of_comments() -> None:
    """The comments stay above what is written."""
    assert merge("// mine\n", {"a": 1}) == '// mine\n{\n  "a": 1\n}\n'


def test_the_placeholder_of_the_pages_is_named() -> None:
    """A reader who pasted the page's block with its `...其他配置,` is told which line to delete."""
    with pytest.raises(InputError, match=r"Line 2 is a placeholder of the page: \.\.\.其他配置,") as caught:
        parse('{\n  ...其他配置,\n  "models": {}\n}')
    assert caught.value.hint == "Delete the line from the file."
