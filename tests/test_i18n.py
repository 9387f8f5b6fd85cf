"""Promises of the translations: every text of the code in Chinese, nothing lost on the way.

When one of these fails after a change of texts: `python -m tests.i18n update`, translate what it lists in the `.po`
file, and run it again.
"""

from __future__ import annotations

import gettext
import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

from tests import i18n
from wcode_jupyter.language import _


@pytest.fixture(scope="module")
def wanted() -> dict[str, list[str]]:
    return i18n.extracted()


def test_every_text_is_translated(wanted: dict[str, list[str]]) -> None:
    """No text of the code is without a Chinese translation."""
    given = i18n.translations()
    assert [text for text in wanted if not given.get(text, "").strip()] == []


def test_nothing_is_left_over(wanted: dict[str, list[str]]) -> None:
    """The catalogue holds no text that the code no longer shows, neither active nor commented out."""
    assert [text for text in i18n.translations() if text not in wanted] == []
    assert list(i18n.catalogue().obsolete) == []


def test_nothing_is_fuzzy() -> None:
    """No translation is a guess that waits for a person."""
    assert [message.id for message in i18n.catalogue() if message.id and message.fuzzy] == []


def test_placeholders_and_what_is_typed_are_the_same() -> None:
    """`{names}`, --options, %wcode commands, variables and addresses are the same in both languages."""
    wrong = {text: found for text, done in i18n.translations().items() if done and (found := i18n.faults(text, done))}
    assert wrong == {}


# The glossary of the Chinese texts: what is not said -> what is said instead.
NOT_SAID = {
    "您": "no pronoun",
    "你": "no pronoun",
    "图片": "图像",
    "答案": "回答",
    "提问": "发送",
    "询问": "确认，发送",
    "逐行运行": "批量运行",
    "仅预演": "试运行",
    "花费": "费用",
    "系统提示(?!词)": "系统提示词",
    "(?<!系统)提示(?!词)": "提示词",
    "思考": "推理",
    "Anthropic 形式": "Anthropic 格式",
    "重放": "回放",
}


@pytest.mark.parametrize("word", NOT_SAID)
def test_chinese_texts_keep_to_the_glossary(word: str) -> None:
    """One term per thing: what another word is used for elsewhere does not appear."""
    assert [done for done in i18n.translations().values() if re.search(word, done)] == []


def test_what_gettext_reads_is_what_was_written() -> None:
    """The compiled file equals the source file."""
    assert i18n.compiled() == {text: done for text, done in i18n.translations().items() if done}


@pytest.mark.parametrize("path", sorted(i18n.sources()), ids=lambda path: path.relative_to(i18n.PACKAGE).as_posix())
def test_every_text_can_be_extracted(path: Path) -> None:
    """No f-string, sum or `.format()` inside `_()`, which no tool could collect and no catalogue could hold."""
    assert list(i18n.unextractable(path.read_text(encoding="utf-8"))) == []


def test_the_extraction_misses_nothing(wanted: dict[str, list[str]]) -> None:
    """Babel, which reads tokens and not the syntax tree, finds no text that ours does not."""
    texts = extract_from_dir(i18n.PACKAGE, method_map=[("**.py", "python")], keywords=dict.fromkeys(i18n.MARKERS))
    assert {text for _file, _line, text, *_rest in texts} <= set(wanted)


def test_the_user_sees_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way from the environment to a text of the table, and back to English."""
    monkeypatch.setenv("WCODE_LANG", "zh_CN")
    assert _("Sampling") == "采样"
    monkeypatch.setenv("WCODE_LANG", "en")
    assert _("Sampling") == "Sampling"


def test_the_compiled_file_stands_where_gettext_looks() -> None:
    """gettext itself finds the catalogue in the package's folder."""
    assert gettext.find(i18n.DOMAIN, i18n.PACKAGE / "locale", ["zh_CN"]) == str(i18n.MO)


def test_texts_inside_f_strings_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that is translated inside an f-string is collected too."""
    (tmp_path / "module.py").write_text("f'{near} {_(\"inner\")}' + _('a' 'b')", encoding="utf-8")
    monkeypatch.setattr(i18n, "PACKAGE", tmp_path)
    assert i18n.extracted() == {"inner": ["module.py"], "ab": ["module.py"]}


@pytest.mark.parametrize(
    "source",
    [
        "_(f'{x} models')",
        "_('a' + 'b' + x)",
        "_('{x}'.format(x=1))",
        "_('a %s' % x)",
        "_('a' if x else 'b')",
        "_('one', 'two')",
        "_()",
        "_(text='a')",
        "N_(variable)",
        "N_(f'a')",
    ],
)
def test_texts_that_cannot_be_extracted_are_seen(source: str) -> None:
    """The check above finds each way to hide a text."""
    assert list(i18n.unextractable(source)) == [f"1: {source}"]


@pytest.mark.parametrize(
    "source",
    [
        "_('a')",
        "_('a' 'b')",
        "N_('a')",
        "_(row.help)",
        "_(TABLE[kind])",
        "_(A if x else B)",
        "_('{x}').format(x=1)",
        "f'{_(name)}'",
    ],
)
def test_texts_that_can_be_extracted_pass(source: str) -> None:
    """Literals, and texts that were marked where they stand."""
    assert list(i18n.unextractable(source)) == []


@pytest.mark.parametrize(
    ("text", "translation", "count"),
    [
        ("{n} of {total}", "{total} 中的 {n}", 0),
        ("{n} of {total}", "{n}", 1),
        ("{n:.1f} s", "{n} 秒", 1),
        ("{name}", "{名称}", 1),
        ("Use --top-p", "用 --top-p", 0),
        ("Use --top-p", "用 --topp", 1),
        ("Use --top-p", "用 top_p", 1),
        ("See %wcode models.", "见 %wcode models。", 0),
        ("See %wcode models.", "见 %wcode 模型。", 1),
        ("The %%wcode line", "%%wcode 行", 0),
        ("set WCODE_LANG", "设置 WCODE_LANGUAGE", 1),
        ("at https://wcode.net/x, then", "在 https://wcode.net/x，然后", 0),
        ("at https://wcode.net/x, then", "在 https://wcode.net/，然后", 1),
    ],
)
def test_faults_of_a_translation_are_seen(text: str, translation: str, count: int) -> None:
    """The check of placeholders and typed words finds what is missing and lets word order free."""
    assert len(i18n.faults(text, translation)) == count
