"""Findings by `%wcode`: each command gives what the method gives, stores it and enters the account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.batch.test_evidence import job as job_of
from tests.batch.test_evidence import repeated, text, two_models
from tests.batch.test_evidence import run as run_of
from wcode_jupyter.client import Client
from wcode_jupyter.errors import OptionError
from wcode_jupyter.findings.finding import Finding
from wcode_jupyter.labels.labels import Labels
from wcode_jupyter.labels.mark import Mark
from wcode_jupyter.magics.commands import COMMANDS, find_command
from wcode_jupyter.magics.commands.command import Context
from wcode_jupyter.magics.commands.findings import FINDINGS
from wcode_jupyter.magics.completion import candidates


class Shell:
    """Variables of a notebook."""

    def __init__(self, **names: object) -> None:
        self.user_ns: dict[str, object] = dict(names)

    def push(self, names: dict[str, object]) -> None:
        self.user_ns.update(names)


@pytest.fixture
def context() -> Any:
    client = Client(log=False)
    yield Context(Shell(two=two_models(), twice=repeated(), gold={f"k{row}": "pos" for row in range(40)}), client)
    client.close()


def run(context: Context, line: str) -> Any:
    word, _space, rest = line.partition(" ")
    return find_command(word)(context, rest)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("agreement twice --field label", lambda: repeated().agreement("label")),
        ("agreement two --field label --between model --level ordinal",
         lambda: two_models().agreement("label", "model", "ordinal")),
        ("validate two --truth gold --field label", lambda: two_models().validate("gold", "label")),
        ("validate two --truth gold --field label --failed wrong",
         lambda: two_models().validate("gold", "label", "wrong")),
        ("compare two --field label --truth gold", lambda: two_models().compare("model", "label", "gold")),
        ("compare two model --field label --value pos --detect 0.1",
         lambda: two_models().compare("model", "label", value="pos", detect=0.1)),
        ("calibration twice --field label --truth gold --bins 5",
         lambda: repeated().calibration({f"k{row}": "pos" for row in range(40)}, "label", 5)),
        ("disagreements two --field label --between model", lambda: two_models().disagreements("label", "model")),
        ("variance twice --field label", lambda: repeated().variance("label")),
    ],
)  # fmt: skip
def test_a_command_gives_what_the_method_gives(context: Context, line: str, expected: Any) -> None:
    """The same table and sentence; stored by -o, and in the account of the study."""
    if line.startswith("calibration"):  # the column is empty there: the variable of that name is meant
        line = line.replace("--truth gold", "--truth known")
        context.shell.user_ns["known"] = context.shell.user_ns["gold"]
    found = run(context, f"{line} -o found")
    assert isinstance(found, Finding)
    assert found == expected()
    assert context.shell.user_ns["found"] is found
    kind = line.split()[0]
    entered = [(entry.kind, entry.text) for entry in context.client.session.findings]
    assert entered[0] == (
        "model agreement" if line.startswith("agreement two") and "model" in line else kind,
        found.sentence,
    )
    assert [other for other, _text in entered[1:]] == (["power"] if kind == "compare" else [])
    run(context, line)
    assert len(context.client.session.findings) == len(entered)


def test_estimate_by_command(context: Context) -> None:
    """Labels of a variable with a stated chance; a value that is a number where the answers are numbers."""
    numbers = run_of((job_of(row), text("1" if row % 2 else "0")) for row in range(20))
    context.shell.user_ns |= {"numbers": numbers, "known": {f"k{row}": "1" for row in range(8)}}
    found = run(context, "estimate numbers --labels known --value 1 --probability 0.4")
    expected = numbers.estimate(None, "1", labels={f"k{row}": "1" for row in range(8)}, probability=0.4)
    assert found == expected


def test_uncertain_by_command(context: Context) -> None:
    """The replies of the two rows whose samples differ first."""
    found = run(context, "uncertain twice 2 --field label -o least")
    assert [line.job.row for line in found.lines()] == [0, 0, 1, 1]
    assert context.shell.user_ns["least"] is found


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("agreement", "Usage: %wcode agreement NAME"),
        ("agreement tow --field label", r"tow is not a variable .*Did you mean two"),
        ("agreement two more", "Usage"),
        ("validate two --field label", "--truth is missing"),
        ("validate two --field label --truth gild", "neither a column of the rows nor a variable"),
        ("validate two --field label --truth gold --failed maybe", "--failed maybe: use one of out, wrong, bounds"),
        ("agreement two --level odd", "use one of nominal"),
        ("compare two --detect x", "must be a number above 0, got x"),
        ("uncertain twice many", "Usage: %wcode uncertain"),
        ("agreement two --fields label", "Unknown option --fields"),
        ("label two --sample odd", "--sample odd: use one of random"),
        ("label two -n many", "-n must be a whole number, got many"),
    ],
)
def test_misuse_is_one_clear_line(context: Context, line: str, why: str) -> None:
    """What is wrong and what to do."""
    with pytest.raises(OptionError, match=why):
        run(context, line)


def test_label_reads_the_file_where_there_is_no_page(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-o labels` binds them; the file is the notebook's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "study.ipynb"))
    lines = [
        f'{{"field":"label","row":"{row}","coder":"A","value":"{value}"}}\n'
        for row, value in (("k13", "pos"), ("k12", "neg"))
    ]
    (tmp_path / "study.labels.jsonl").write_text("".join(lines))
    assert run(context, "label two --field label -n 20 --coder A -o labels") is None
    labels = context.shell.user_ns["labels"]
    assert isinstance(labels, Labels)
    assert labels.values == {"k13": "pos", "k12": "neg"}
    found = run(context, "validate two --field label --truth labels")
    assert "n = 2" in found.sentence
    assert "Human labels (rows with a label: 2; coders: A; given blind: 0 of 2)." in found.notes


def test_agreement_of_coders_by_command(context: Context) -> None:
    """The labels' own agreement; labels and agreement of people are in the account by the checklist's names."""
    both = [Mark(field="label", row=row, coder=coder, value="pos", blind=True) for row in range(9) for coder in "AB"]
    context.shell.user_ns["labels"] = labels = Labels(both, "label")
    assert run(context, "agreement labels") == labels.agreement()
    assert [entry.kind for entry in context.client.session.findings] == ["labels", "agreement"]
    assert "coders: A, B; given blind: 18 of 18" in context.client.session.findings[0].text


def test_a_codebook_by_command(context: Context, tmp_path: Path) -> None:
    """Read, bound, compared with a newer one, and noted in the account."""
    text = 'name = "s"\n[[labels]]\nname = "pos"\n[[labels]]\nname = "neg"\n'
    (tmp_path / "a.toml").write_text(text)
    (tmp_path / "b.toml").write_text(text.replace('"neg"', '"other"'))
    book = run(context, f"codebook {tmp_path / 'a.toml'} -o book")
    assert context.shell.user_ns["book"] is book
    assert book.version in context.client.session.findings[-1].text
    assert "other: definition" in repr(run(context, f"codebook book --diff {tmp_path / 'b.toml'}"))
    assert "| pos |" in str(run(context, "codebook book --appendix"))


def test_every_finding_has_help_and_completion(context: Context) -> None:
    """The commands are in the list; Tab offers variables with replies, options, and fixed words."""
    names = {command.name for command in COMMANDS}
    session = context.client.session
    for finding in FINDINGS:
        assert finding.name in names
        assert candidates(f"%wcode {finding.name} tw", session, context.shell.user_ns)[1] == ["two", "twice"]
        offered = candidates(f"%wcode {finding.name} two --", session, context.shell.user_ns)[1]
        assert offered == [option.option for option in finding.options]
    assert candidates("%wcode validate two --failed ", session, context.shell.user_ns)[1] == ["out", "wrong", "bounds"]
    assert "random" in candidates("%wcode label two --sample ", session, context.shell.user_ns)[1]
