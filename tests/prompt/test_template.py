"""Promises of `{{name}}` references: one pass, bare names only, everything else as typed."""

from __future__ import annotations

import datetime
import math
import os
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcode_jupyter.errors import InputError, UndefinedReference
from wcode_jupyter.keys import Secret
from wcode_jupyter.prompt import template
from wcode_jupyter.prompt.template import Converter, Inserted, InsertLimits, expand, references
from wcode_jupyter.reply import Choice, Reply
from wcode_jupyter.request.messages import Image, Message, Request, Text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{x}}", "1"),
        ("{{ x }}", "1"),
        ("{{\tx  }}", "1"),
        ("a{{x}}b{{x}}c", "a1b1c"),
        ("f({{x}}, {{y}})", "f(1, two)"),
        ("\\frac{{x}}{{y}}", "\\frac1two"),
        ("{ {{x}} }", "{ 1 }"),
        ("{a{{x}}b}", "{a1b}"),
        ("{{变量}}", "值"),
        ("{{_}}", "last"),
    ],
)
def test_a_reference_is_replaced(text: str, expected: str) -> None:
    """A bare name between two braces, with or without spaces, becomes the variable's text."""
    assert expand(text, {"x": 1, "y": "two", "变量": "值", "_": "last"}).text == expected


AS_TYPED = [
    "{x}",
    "{{x.y}}",
    "{{x.__class__}}",
    "{{x()}}",
    "{{x[0]}}",
    "{{x:>10}}",
    "{{x!r}}",
    "{{x | upper}}",
    "{% for x in y %}{% endfor %}",
    "{{x + 1}}",
    "{{1}}",
    "{{x²}}",
    "{{'x'}}",
    "{{}}",
    "{{ }}",
    "{{\nx\n}}",
    "{{{x}}}",
    "{{{{x}}}}",
    "{{{x}}",
    "{{x}}}",
    "{{x}",
    "{x}}",
    "{ {x} }",
    '{"a": {"b": 1}}',
    '{{"a": 1}}',
    'f"{{two words}} {x}"',
    "title = {{The Art of x}}",
    "\\mathbf{x}_{{i+1}}",
    "{{None}} {{True}} {{for}} {{lambda}}",
    "{{__name__}} {{__builtins__}}",
    "$x $HOME {x!s}",
    "}}x{{",
]


@pytest.mark.parametrize("text", AS_TYPED)
def test_all_other_braces_stay_as_typed(text: str) -> None:
    """What is not exactly `{{bare_name}}` is neither replaced nor refused, though `x` is defined."""
    expansion = expand(text, {"x": "WRONG", "__name__": "WRONG", "__builtins__": "WRONG"})
    assert expansion.text == text
    assert expansion.names == ()
    assert references(text) == ()


@given(st.text(alphabet="{} x\\|\n.\"'", max_size=40))
def test_any_text_without_a_reference_is_untouched(text: str) -> None:
    """Whatever the arrangement of braces, a text in which no reference is found comes back as it was."""
    if not references(text):
        assert expand(text, {"x": "WRONG"}).text == text


def test_inserted_text_is_never_scanned_again() -> None:
    """A variable that holds a reference, also one assembled with its surroundings, cannot reach another variable."""
    namespace = {"a": "{{secret}}", "b": "{", "c": "secret}}", "secret": "LEAK"}
    assert expand("{{a}} {{b}}{{b}}{{c}}", namespace).text == "{{secret}} {{secret}}"


def test_names_are_listed_once_in_order() -> None:
    """`references` and `Expansion.names` give each variable once, in the order of the text."""
    text = "{{b}} {{a}} {{b}} {{c.d}}"
    assert references(text) == ("b", "a")
    assert expand(text, {"a": 1, "b": 2}).names == ("b", "a")


def test_all_undefined_names_are_in_one_error() -> None:
    """The error names every missing variable, suggests the nearest public one, and says how to send braces as typed."""
    with pytest.raises(UndefinedReference) as caught:
        expand("{{answr}} {{answer}} {{Title}}", {"answer": 1, "_answr": 2})
    assert "{{answr}}, {{Title}}" in caught.value.what
    assert "{{answer}}" not in caught.value.what
    assert "answer" in caught.value.hint
    assert "_answr" not in caught.value.hint
    assert "--raw" in caught.value.hint


def test_private_names_are_not_suggested() -> None:
    """A did-you-mean never offers a name that begins with an underscore."""
    with pytest.raises(UndefinedReference) as caught:
        expand("{{answr}}", {"_answer": 1})
    assert "_answer" not in str(caught.value)


def test_a_defined_name_in_three_braces_is_noted() -> None:
    """`{{{x}}}` is sent as typed, and a note says so when x is a variable: it may have been meant."""
    assert any("{{{x}}}" in note for note in expand("{{{x}}}", {"x": 1}).notes)
    assert any("{{x}}}" in note for note in expand('{"a":{{x}}}', {"x": 1}).notes)
    assert expand("{{{x}}} {{x.y}}", {}).notes == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "True"),
        (None, "None"),
        (0.1, "0.1"),
        (10**30, "1000000000000000000000000000000"),
        (np.float64(2.5), "2.5"),
        (np.int64(7), "7"),
        ("a\nb", "a\nb"),
        ({"é": [1, None]}, '{\n  "é": [\n    1,\n    null\n  ]\n}'),
        ((1, 2), "[\n  1,\n  2\n]"),
        ([datetime.date(2026, 1, 2)], '[\n  "2026-01-02"\n]'),
        ([np.int64(7)], "[\n  7\n]"),
        ([math.nan], "[\n  NaN\n]"),
        ({(1, 2): 3}, '{\n  "(1, 2)": 3\n}'),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (np.array([[1, 2], [3, 4]]), "[[1, 2],\n [3, 4]]"),
    ],
)
def test_values_read_as_a_person_would_write_them(value: object, expected: str) -> None:
    """Numbers and texts as they are, lists and dicts as JSON where JSON can carry them."""
    assert expand("{{v}}", {"v": value}).text == expected


def test_a_reply_inserts_its_text_and_says_when_it_is_not_whole() -> None:
    """A captured answer is its text, alone or in a list; a cut one is noted."""
    whole = Reply(request=Request(model="m", messages=()), choices=(Choice(text="Paris"),))
    cut = Reply(choices=(Choice(text="Par"),), ended="cut")
    assert expand("{{r}}", {"r": whole}).text == "Paris"
    assert expand("{{r}}", {"r": whole}).notes == ()
    assert expand("{{r}}", {"r": [whole, cut]}).text == '[\n  "Paris",\n  "Par"\n]'
    expansion = expand("{{r}}", {"r": cut})
    assert expansion.text == "Par"
    assert "cut" in expansion.notes[0]


def test_a_small_frame_becomes_a_whole_table() -> None:
    """Pipes and line breaks are escaped, the automatic index is left out, and there is nothing to note."""
    frame = pd.DataFrame({"n": [1, 2], "a|b": ["x\ny", "p|q"]})
    expansion = expand("{{t}}", {"t": frame})
    assert expansion.text == "| n | a\\|b |\n| --- | --- |\n| 1 | x<br>y |\n| 2 | p\\|q |"
    assert expansion.notes == ()


def test_a_meaningful_index_is_a_column() -> None:
    """An index that the user set is data; so are its levels."""
    frame = pd.DataFrame({"n": [1]}, index=pd.MultiIndex.from_tuples([("a", 2)], names=["k", "l"]))
    assert expand("{{t}}", {"t": frame}).text == "| k / l | n |\n| --- | --- |\n| a / 2 | 1 |"
    numbered = pd.DataFrame({"n": [1]}, index=pd.RangeIndex(7, 8, name="year"))
    assert expand("{{t}}", {"t": numbered}).text == "| year | n |\n| --- | --- |\n| 7 | 1 |"
    series = pd.Series([1.5], index=["u"], name="price")
    assert expand("{{t}}", {"t": series}).text == "|  | price |\n| --- | --- |\n| u | 1.5 |"


def test_a_large_frame_is_bounded_and_says_what_was_left_out() -> None:
    """50 rows, 20 columns and 200 characters a cell; model and user are told of the rest."""
    frame = pd.DataFrame({f"c{i}": ["z" * 500] * 1000 for i in range(35)})
    expansion = expand("{{t}}", {"t": frame})
    lines = expansion.text.splitlines()
    assert lines[0] == "| " + " | ".join(f"c{i}" for i in range(20)) + " |"
    assert lines[2].split(" | ")[0] == "| " + "z" * 199 + "…"
    assert lines[2:52] == [lines[2]] * 50
    assert lines[52:] == ["", "(50 of 1,000 rows, 20 of 35 columns shown; 1,000 long cells cut)"]
    assert "1,000" in expansion.notes[0]
    assert "35" in expansion.notes[0]


def test_limits_are_the_callers() -> None:
    """Other limits can be given."""
    expansion = expand("{{t}}", {"t": pd.DataFrame({"a": range(4)})}, limits=InsertLimits(rows=1))
    assert expansion.text == "| a |\n| --- |\n| 0 |\n\n(1 of 4 rows, 1 of 1 columns shown)"


def test_the_note_inside_the_prompt_does_not_depend_on_the_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text sent, and so its fingerprint, is the same under every language of the user."""
    values = {"t": pd.DataFrame({"a": range(400)}), "a": np.zeros(5000)}
    monkeypatch.setenv("WCODE_LANG", "en")
    english = expand("{{t}}{{a}}", values).text
    monkeypatch.setenv("WCODE_LANG", "zh_CN")
    assert expand("{{t}}{{a}}", values).text == english


def test_a_table_stands_on_lines_of_its_own() -> None:
    """A table typed into the middle of a sentence is set apart from it, or it would not be a table."""
    text = expand("Data: {{t}} end\n{{t}}\n", {"t": pd.DataFrame({"a": [1]})}).text
    table = "| a |\n| --- |\n| 1 |"
    assert text == f"Data: \n\n{table}\n\n end\n{table}\n"


def test_polars_frames_and_series_are_tables_too() -> None:
    """The same bounds hold for polars, when it is installed."""
    pl = pytest.importorskip("polars")
    assert expand("{{t}}", {"t": pl.DataFrame({"a": [1], "b": ["x|y"]})}).text == (
        "| a | b |\n| --- | --- |\n| 1 | x\\|y |"
    )
    series = expand("{{t}}", {"t": pl.Series("s", range(60))}).text
    assert series.splitlines()[0] == "| s |"
    assert series.endswith("(50 of 60 rows, 1 of 1 columns shown)")


def test_a_large_array_is_bounded() -> None:
    """A million numbers are not sent by accident: the edges are, with a note on both sides."""
    expansion = expand("{{a}}", {"a": np.zeros((1000, 1000))})
    assert len(expansion.text) < 1000
    assert "1,000×1,000" in expansion.text
    assert "1,000×1,000" in expansion.notes[0]


class Plain:
    """An object without a text of its own."""


@pytest.mark.parametrize(
    "value", [Plain(), [Plain()], {"a": Plain()}, len, lambda: 0, (i for i in ()), Plain, os, b"x", [b"x"]]
)
def test_what_means_nothing_as_text_is_an_error(value: object) -> None:
    """Addresses, functions, classes, modules and bytes are refused with a hint, never inserted."""
    with pytest.raises(InputError) as caught:
        expand("{{v}}", {"v": value})
    assert "{{v}}" in caught.value.what
    assert caught.value.hint


def test_a_list_that_contains_itself_is_an_error() -> None:
    """A cycle is refused in one line, not a RecursionError."""
    cycle: list[object] = []
    cycle.append(cycle)
    with pytest.raises(InputError):
        expand("{{v}}", {"v": cycle})


@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value]])
def test_a_value_that_cannot_be_written_is_one_line(wrap) -> None:
    """Whatever the value's own code raises is told under the name of the variable."""

    class Broken:
        def __repr__(self) -> str:
            raise ValueError("no\nway")

    with pytest.raises(InputError) as caught:
        expand("{{x}}", {"x": wrap(Broken())})
    assert str(caught.value).startswith("Cannot convert {{x}} to text: ValueError(")
    assert "\n" not in str(caught.value)


def test_a_frame_without_columns_is_called_empty() -> None:
    """Not a table of nothing, which reads like a mistake."""
    assert expand("{{x}}", {"x": pd.DataFrame()}).text == "(empty table)"
    assert expand("{{x}}", {"x": pd.DataFrame({"a": []})}).text == "| a |\n| --- |"


def test_a_figure_is_inserted_as_a_picture() -> None:
    """`Figure(640x480)` says nothing as words: a figure becomes an image part, its size a note."""
    matplotlib = pytest.importorskip("matplotlib.figure")
    found = expand("{{fig}}", {"fig": matplotlib.Figure()})
    assert [type(part) for part in found.parts] == [Image]
    assert found.notes[0].startswith("{{fig}}: PNG, 640×480")


@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {(1, 2): [math.nan, v]}])
def test_the_environment_is_never_inserted(wrap, monkeypatch: pytest.MonkeyPatch) -> None:
    """os.environ, alone or inside a list or dict, is refused, and the error does not hold the key."""
    monkeypatch.setenv("WCODE_API_KEY", "sk-canary")
    with pytest.raises(InputError) as caught:
        expand("{{v}}", {"v": wrap(os.environ)})
    assert "sk-canary" not in str(caught.value)


@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {(1, 2): [math.nan, v]}])
def test_a_key_is_never_inserted(wrap) -> None:
    """A Secret, alone or inside a list or dict, is refused, and the error does not hold its value."""
    with pytest.raises(InputError) as caught:
        expand("{{v}}", {"v": wrap(Secret("sk-canary"))})
    assert "sk-canary" not in str(caught.value)


def test_images_become_parts_at_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A converter that gives an image splits the text around it; without images there are no parts."""
    image = Image("data:image/png;base64,AAAA")
    row = Converter(lambda value: isinstance(value, Plain), lambda value, name, limits: Inserted(parts=(image,)))
    monkeypatch.setattr(template, "CONVERTERS", (row, *template.CONVERTERS))
    expansion = expand("See {{fig}} and {{x}}: {{fig}}{{fig}}", {"fig": Plain(), "x": 1})
    assert expansion.parts == (Text("See "), image, Text(" and 1: "), image, image)
    assert expansion.content == expansion.parts
    assert Message("user", expansion.content).text == "See \n and 1: "
    assert expand("{{x}}", {"x": 1}).content == "1"


def test_a_text_of_braces_is_read_in_linear_time() -> None:
    """200,000 braces, and 200,000 unclosed references, take far less than the minutes a quadratic scan would."""
    start = time.process_time()
    for text in ("{" * 200_000, "{{x" * 200_000, "{{" + " " * 200_000, "{{x}" * 100_000):
        assert expand(text, {}).text == text
    assert time.process_time() - start < 5
