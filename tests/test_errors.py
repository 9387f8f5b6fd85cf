"""Promises of the error tree: one line each, picklable, keeping what had arrived."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from wcode_jupyter import errors
from wcode_jupyter.errors import (
    AnswerError,
    InputError,
    KeyMissing,
    ParameterError,
    RateLimited,
    ServerError,
    TransportError,
    WcodeError,
    one_line,
    sentences,
)
from wcode_jupyter.reply import Choice, Reply

TREE = {
    "InputError": "WcodeError",
    "OptionError": "InputError",
    "ParameterError": "InputError",
    "UndefinedReference": "InputError",
    "KeyMissing": "InputError",
    "TransportError": "WcodeError",
    "ConnectError": "TransportError",
    "DeadlineError": "TransportError",
    "ServerError": "WcodeError",
    "BadRequest": "ServerError",
    "KeyRejected": "ServerError",
    "PaymentRequired": "ServerError",
    "Forbidden": "ServerError",
    "NotFound": "ServerError",
    "RateLimited": "ServerError",
    "ServerFault": "ServerError",
    "NotTheApi": "ServerError",
    "AnswerError": "WcodeError",
    "AnswerCut": "AnswerError",
    "AnswerInterrupted": "AnswerError",
    "AnswerInvalid": "AnswerError",
    "AnswerMalformed": "AnswerError",
    "AnswerTooLarge": "AnswerError",
    "ToolStepsExceeded": "AnswerError",
    "ReplayError": "WcodeError",
    "RunError": "WcodeError",
    "LocalModelError": "WcodeError",
}
CLASSES = [cls for cls in vars(errors).values() if inspect.isclass(cls) and issubclass(cls, WcodeError)]
HOSTILE = "line one\nline two\r\x1b[31mred\x07\ttab  and   spaces\u2028end"


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WCODE_LANG", "en")


def test_the_tree_is_the_one_of_the_module_docstring() -> None:
    """Every class has the parent that the drawing gives it, is drawn, and is exported."""
    bases = {cls.__name__: cls.__bases__[0].__name__ for cls in CLASSES if cls is not WcodeError}
    assert {name: bases.get(name) for name in TREE} == TREE
    for name in bases:
        assert name in (errors.__doc__ or "")
        assert name in errors.__all__


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_survives_pickle_and_copy_with_all_it_holds(cls: type[WcodeError]) -> None:
    """What, hint, reply and any further field are there on the other side of a process, and the class is the same."""
    error = cls("It broke", hint="Mend it")
    error.reply = Reply(choices=(Choice(text="half an ans"),), ended="cut")
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is cls
        assert (twin.what, twin.hint, str(twin)) == ("It broke", "Mend it", "It broke. Mend it")
        assert twin.reply == error.reply
        assert vars(twin).keys() == vars(error).keys()


def test_the_fields_of_their_own_survive_pickle() -> None:
    """The parameter's name and the server's status, code and wait are kept."""
    assert pickle.loads(pickle.dumps(ParameterError("bad", name="top_p"))).name == "top_p"
    twin = pickle.loads(pickle.dumps(RateLimited("slow", status=429, code="1302", retry_after_s=2.5)))
    assert (twin.status, twin.code, twin.retry_after_s) == (429, "1302", 2.5)


@pytest.mark.parametrize("cls", CLASSES)
def test_ipython_shows_one_line(cls: type[WcodeError]) -> None:
    """`_render_traceback_` gives one line that begins with the class and holds no control character."""
    (line,) = cls(HOSTILE, hint="first\nsecond")._render_traceback_()
    assert line.startswith(f"{cls.__name__}: line one line two")
    assert line.endswith("first second")
    assert line.isprintable()


def test_the_line_is_bounded() -> None:
    """A server's megabyte does not become a wall."""
    (line,) = ServerError("x" * 1_000_000)._render_traceback_()
    assert len(line) <= 2000


@pytest.mark.parametrize(
    ("what", "hint", "expected"),
    [
        ("It broke", "", "It broke"),
        ("It broke.", "", "It broke."),
        ("It broke", "Mend it.", "It broke. Mend it."),
        ("It broke.", "Mend it.", "It broke. Mend it."),
        ("{x}", "{y}", "{x}. {y}"),
    ],
)
def test_what_and_hint_are_two_sentences(what: str, hint: str, expected: str) -> None:
    """One full stop between them, never two, and braces in either are text."""
    assert str(WcodeError(what, hint=hint)) == expected
    assert sentences(what, hint) == expected


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if issubclass(cls, ServerError) and cls is not ServerError])
def test_every_server_error_says_what_to_do_next(cls: type[ServerError]) -> None:
    """There is a default hint for each, and a hint given by the caller wins."""
    assert cls("refused").hint
    assert cls("refused", hint="Mine").hint == "Mine"


@pytest.mark.parametrize("wish", ["en", "zh_CN"])
def test_the_base_of_server_errors_has_no_hint(wish: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No language turns the empty hint into something (gettext gives its catalogue's header for the empty text)."""
    monkeypatch.setenv("WCODE_LANG", wish)
    assert ServerError("refused").hint == ""
    assert str(ServerError("refused")) == "refused"


def test_branches_can_be_caught_by_their_meaning() -> None:
    """Nothing sent, not got through, refused, and begun but not ended well are four branches."""
    assert issubclass(KeyMissing, InputError)
    for first, second in [(InputError, TransportError), (TransportError, ServerError), (ServerError, AnswerError)]:
        assert not issubclass(first, second)
        assert not issubclass(second, first)


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("plain", 300, "plain"),
        (HOSTILE, 300, "line one line two [31mred tab and spaces end"),
        ("  a \n\n b  ", 300, "a b"),
        ("你好，世界", 300, "你好，世界"),
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("", 300, ""),
        ("a\ud800b", 300, "a b"),
        ("👩\u200d🔬 at work", 300, "👩\u200d🔬 at work"),
        ("ab\u202ecd", 300, "ab cd"),
        ("a\u200bb\u200dc\u3164d", 300, "a b c d"),
        ("echo hello" + " " * 3000 + "; curl evil", 20, "echo hello…"),
        ("a" + " " * 200, 20, "a…"),
        ("x" * 30 + " " * 30, 30, "x" * 30),
    ],
)
def test_one_line_folds(text: str, limit: int, expected: str) -> None:
    """White space and control characters become single spaces, and the length is at most the limit."""
    assert one_line(text, limit) == expected
