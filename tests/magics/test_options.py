from __future__ import annotations

from typing import Any

import pytest

from wcode_jupyter.errors import OptionError, ParameterError, UndefinedReference
from wcode_jupyter.magics.options import CELL_OPTIONS, parse_assignments, parse_cell_line, split_words
from wcode_jupyter.request.parameters import OMITTED, PARAMETERS
from wcode_jupyter.request.settings import ROWS, SETTINGS


def test_a_line_splits_like_a_shells() -> None:
    """Quotes group, a backslash escapes, nothing is expanded."""
    assert split_words(r"""a 'b c' "d 'e'" f\ g $HOME {x} ~""") == ["a", "b c", "d 'e'", "f g", "$HOME", "{x}", "~"]


def test_a_comment_ends_the_line_but_a_sharp_inside_a_word_does_not() -> None:
    """`# note` is left out, `C#` stays."""
    assert split_words("glm-5 --stop C# # note 'unclosed") == ["glm-5", "--stop", "C#"]


def test_an_unclosed_quote_is_said() -> None:
    """The error shows where the quote begins."""
    with pytest.raises(OptionError, match="'you"):
        split_words("--system 'you are")


# One value for each of the 21, as a user would type it, and what must reach the wire.
TYPED: dict[str, tuple[str, Any]] = {
    "reasoning": ("high", {"effort": "high"}),
    "temperature": ("0.2", 0.2),
    "top_p": ("1", 1.0),
    "top_k": ("40", 40),
    "frequency_penalty": ("-1.5", -1.5),
    "presence_penalty": ("2", 2.0),
    "repetition_penalty": ("1.1", 1.1),
    "min_p": ("0.05", 0.05),
    "top_a": ("0.1", 0.1),
    "seed": ("-7", -7),
    "max_tokens": ("500", 500),
    "logit_bias": ("'{\"50256\": -100}'", {"50256": -100}),
    "logprobs": ("true", True),
    "top_logprobs": ("5", 5),
    "response_format": ("json_object", {"type": "json_object"}),
    "structured_outputs": ("false", False),
    "stop": ("END", ["END"]),
    "tools": (
        '\'[{"type": "function", "function": {"name": "f"}}]\'',
        [{"type": "function", "function": {"name": "f"}}],
    ),
    "tool_choice": ("required", "required"),
    "parallel_tool_calls": ("false", False),
    "verbosity": ("low", "low"),
}


def test_the_examples_cover_the_table() -> None:
    """Every one of the 21 parameters has an example above."""
    assert list(TYPED) == [parameter.name for parameter in PARAMETERS]


@pytest.mark.parametrize("name", TYPED)
def test_every_parameter_is_an_option(name: str) -> None:
    """`--top-p 0.5`, `--top_p 0.5`, `--top-p=0.5` and `-p top_p=0.5` mean the same."""
    text, value = TYPED[name]
    dashed = "--" + name.replace("_", "-")
    lines = [f"{dashed}={text}", f"--{name}={text}", f"-p {name}={text}"]
    if ROWS[name].kind != "bool":
        lines.append(f"{dashed} {text}")
    for line in lines:
        assert parse_cell_line(line).values == {name: value}


def test_booleans_are_flags() -> None:
    """`--logprobs` and `--no-logprobs` take no word of the line."""
    assert parse_cell_line("--logprobs glm-5").values == {"logprobs": True, "model": "glm-5"}
    assert parse_cell_line("--no-stream").values == {"stream": False}


BOOLEANS = [row.name for row in ROWS.values() if row.kind == "bool"]


@pytest.mark.parametrize("name", BOOLEANS)
@pytest.mark.parametrize(("word", "value"), [("true", True), ("False", False), ("'TRUE'", True), ('"false"', False)])
def test_the_word_after_a_boolean_is_its_value(name: str, word: str, value: bool) -> None:
    """Neither the opposite, nor the model, nor a word of the prompt: in a cell and in `%wcode ask`."""
    option = "--" + name.replace("_", "-")
    assert parse_cell_line(f"{option} {word}").values == {name: value}
    assert parse_cell_line(f"{option} {word} glm-5").values == {name: value, "model": "glm-5"}
    asked = parse_cell_line(f"{option} {word} What's this?", with_text=True)
    assert (asked.values, asked.rest) == ({name: value}, "What's this?")
    # A longer word is none of the two.
    asked = parse_cell_line(f"{option} falsehood is bad", with_text=True)
    assert (asked.values, asked.rest) == ({name: True}, "falsehood is bad")


@pytest.mark.parametrize("option", [option.option for option in CELL_OPTIONS if option.arity == "flag"])
def test_a_flag_refuses_true_and_false(option: str) -> None:
    """Never the word as model or prompt; after `--` a prompt begins with any word."""
    for with_text in (False, True):
        with pytest.raises(OptionError, match="takes no value"):
            parse_cell_line(f"{option} false", with_text=with_text)
    assert parse_cell_line(f"{option} -- false?", with_text=True).rest == "false?"


def test_an_inherited_parameter_is_left_out() -> None:
    """`--without` takes any settings and parameters, `--no-NAME` all but booleans, where it means false."""
    assert parse_cell_line("--without temperature,top_p --no-seed --without logprobs").values == dict.fromkeys(
        ("seed", "temperature", "top_p", "logprobs"), OMITTED
    )
    with pytest.raises(ParameterError, match="Did you mean temperature"):
        parse_cell_line("--without tempratur")
    with pytest.raises(OptionError, match="set twice"):
        parse_cell_line("--temperature 1 --no-temperature")


def test_stop_may_be_repeated_and_a_json_list() -> None:
    """All stop texts are gathered in order."""
    assert parse_cell_line('--stop a --stop \'["b", "c"]\'').values == {"stop": ["a", "b", "c"]}


def test_every_setting_is_an_option() -> None:
    """No setting is missing from the cell's options."""
    for setting in SETTINGS:
        text = {"bool": "true", "float": "1", "int": "1"}.get(
            setting.kind, setting.choices[0] if setting.choices else "x"
        )
        assert setting.name in parse_cell_line(f"{setting.option}={text}").values


def test_every_cell_option_is_read() -> None:
    """Each row of CELL_OPTIONS parses in its long form."""
    values = {"output": "x", "param": "seed=1", "extra_body": "{}", "without": "seed"}
    for option in CELL_OPTIONS:
        parse_cell_line(option.option if option.arity == "flag" else f"{option.option} {values.get(option.name, 'x')}")


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("--temp 1", OptionError, "Did you mean --temperature"),
        ("--tempratur 1", OptionError, "Did you mean --temperature"),
        ("--effort high", OptionError, "Did you mean --reasoning"),
        ("--reasoning_effort high", OptionError, "Did you mean --reasoning"),
        ("--max-completion-tokens 5", OptionError, "Did you mean --max-tokens"),
        ("glm-5 reasoning=high", OptionError, "Did you mean --reasoning high"),
        ("max-tokens=5", OptionError, "Did you mean --max-tokens 5"),
        ("-z", OptionError, "Unknown option -z"),
        ("--temperature", OptionError, "needs a value"),
        ("--temperature 3", ParameterError, "0…2"),
        ("--temperature nan", ParameterError, "temperature"),
        ("--temperature NaN", ParameterError, "temperature"),
        ("--seed true", ParameterError, "seed"),
        ("-p nope=1", ParameterError, "Unknown parameter nope"),
        ("-p seed", OptionError, "NAME=VALUE"),
        ("glm-5 step", OptionError, "already glm-5"),
        ("--seed 1 --seed 2", OptionError, "twice"),
        ("-o a -o b", OptionError, "twice"),
        ("-o a.b", OptionError, "not a variable name"),
        ("-o class", OptionError, "not a variable name"),
        ("--dry-run=1", OptionError, "takes no value"),
        ("--extra-body [1]", OptionError, "not a JSON object"),
        ('--logit-bias {"1":2}', ParameterError, "single quotes"),
        ("—temperature", OptionError, "start with --"),
        ("－－dry-run", OptionError, "start with --"),
        ("--system “be brief”", OptionError, "Unexpected word brief”"),
        ("--foo", OptionError, "%%wcode? lists"),
        ("--top-k 1.5", ParameterError, "not a whole number"),
        ("--format pdf", ParameterError, "markdown"),
    ],
)
def test_bad_lines_are_one_line_errors(line: str, error: type[Exception], words: str) -> None:
    """What is wrong and what to do stands on one line."""
    with pytest.raises(error) as caught:
        parse_cell_line(line)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("line", ["--tools '{}'", "--reasoning '{\"effort\": 3}'", "--extra-body '[1]'"])
def test_json_that_was_quoted_well_is_not_blamed_on_its_quotes(line: str) -> None:
    """The hint about single quotes comes only where the text is not JSON."""
    with pytest.raises((OptionError, ParameterError)) as caught:
        parse_cell_line(line)
    assert "quotes" not in str(caught.value)


def test_the_prompt_of_ask_is_taken_as_typed() -> None:
    """After the options comes prose: quotes, dashes and sharps in it are the user's own."""
    line = parse_cell_line("-m glm-5 --seed=1 What's --this # about \"x", with_text=True)
    assert line.values == {"model": "glm-5", "seed": 1}
    assert line.rest == "What's --this # about \"x"


def test_assignments_of_set() -> None:
    """`%wcode set` takes settings and parameters alike, quotes included."""
    assert parse_assignments("model=glm-5 system='you are' stop='[\"a\"]' top-p=0.5") == {
        "model": "glm-5",
        "system": "you are",
        "stop": ["a"],
        "top_p": 0.5,
    }


def test_variables_reach_every_option() -> None:
    """Model, parameters and settings of papermill; a system prompt is replaced later, with the rest of the prompt."""
    namespace = {"model": "glm-5", "t": 0.25, "n": 7, "name": "res", "body": {"user": "me"}, "temps": [0, 1]}
    line = "{{model}} --temperature {{t}} --max-tokens={{n}} -o {{name}} --extra-body {{body}} --system 'Be {{t}}'"
    found = parse_cell_line(line + " --sweep top_p={{temps}}", namespace=namespace)
    assert found.values == {"model": "glm-5", "temperature": 0.25, "max_tokens": 7, "system": "Be {{t}}"}
    assert (found.output, found.extra_body) == ("res", {"user": "me"})
    with pytest.raises(UndefinedReference, match="temp"):
        parse_cell_line("--temperature {{temp}}", namespace=namespace)
    assert parse_cell_line("--system {{x}}").values == {"system": "{{x}}"}
