"""`%wcode export` in a real kernel: it shows what was asked, what it writes runs, and no output holds the key."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.environment import isolated
from tests.fault_server import FaultServer, Received, Script, chat, whole
from tests.kernels import Kernel
from wcode_jupyter.export import TARGETS

pytestmark = pytest.mark.kernel

KEY = "sk-test-9876543210-EXPORT"


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    """Answers everything with two words, streamed where that is asked for."""

    def answer(request: Received) -> Script:
        return chat("Hello ", "there") if request.json.get("stream") else whole("Hello there")

    with FaultServer(answer) as server:
        yield server


@pytest.fixture(scope="module")
def asked(server: FaultServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel with a home of its own, a key for the server, and one answered question in `answer`."""
    home = tmp_path_factory.mktemp("home")
    own = {"HOME": str(home), "WCODE_BASE_URL": server.base_url, "WCODE_API_KEY": KEY}
    with Kernel(tmp_path_factory.mktemp("export"), own) as kernel:
        kernel.run("%load_ext wcode_jupyter\nwho = 'World \"$x\" 你好'")
        kernel.run("%%wcode glm-5 --temperature 0.2 --reasoning low --system 'Be brief' -o answer\nHello {{who}}!\n")
        yield kernel


def run(path: Path) -> str:
    """What the Python program `path` prints."""
    environment = isolated(path.parent / "private") | {"WCODE_API_KEY": KEY, "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, str(path)], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def without_stream(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ("stream", "stream_options")}


def test_the_targets_are_listed(asked: Kernel) -> None:
    """Every target with what it needs; Tab offers them, the options, and the variables that can be exported."""
    listed = asked.run("%wcode export").text
    assert [name for name in TARGETS if f"\n{name} " not in listed] == []
    assert "Rust 1.65+, reqwest, tokio (full), serde_json" in listed
    assert asked.complete("%wcode export python-o") == ["python-openai"]
    assert asked.complete("%wcode export note") == ["notebook"]
    assert asked.complete("%wcode export go --with-") == ["--with-key"]
    assert asked.complete("%wcode export go --from ") == ["answer"]
    assert "z-ai/glm-5" in asked.complete("%wcode export go --model z")


@pytest.mark.parametrize("stream", [False, True])
def test_a_program_asks_what_the_cell_asked(asked: Kernel, server: FaultServer, stream: bool) -> None:
    """The text shown, written and run sends the body of the cell; streamed only when that is asked for."""
    flag = "--stream" if stream else ""
    sent = next(one.json for one in server.requests)
    shown = asked.run(f"%wcode export python-httpx {flag}").outputs[0]["data"]
    name = f"ask{stream}.py"
    assert asked.run(f"%wcode export python-httpx {flag} --write {name}").text == f"Wrote {name}.\nRun: python {name}\n"
    assert (asked.cwd / name).read_text("utf-8") == shown["text/plain"]
    count = len(server.requests)
    assert run(asked.cwd / name) == "Hello there\n"
    body = server.requests[count].json
    assert without_stream(body) == without_stream(sent)
    assert body.get("stream", False) == stream
    assert body["messages"][1]["content"] == 'Hello World "$x" 你好!'
    assert server.requests[count].key == KEY


def test_a_program_is_shown_in_colours_and_safe(asked: Kernel) -> None:
    """HTML of the prompt is text in the output."""
    asked.run("%wcode ask -m glm-5 -o hostile <img src=x onerror=alert(1)>")
    data = asked.run("%wcode export php --from hostile").outputs[0]["data"]
    assert "<img" in data["text/plain"]
    assert "<img" not in data["text/html"]
    assert "<b>declare</b>" in data["text/html"]


def test_from_and_output(asked: Kernel) -> None:
    """A reply, or the request of a dry run, whichever was asked last; `-o` binds the text and shows nothing."""
    asked.run("%wcode ask -m step Something else")
    assert asked.run("%wcode export go --from answer -o program").outputs == []
    assert asked.run("print(program == answer.export('go'), 'Hello World' in program)").text == "True True\n"
    asked.run("%%wcode qwen3.6-plus --dry-run -o question\nUnsent")
    assert '"qwen3.6-plus"' in asked.run("%wcode export ruby --from question").text
    assert '"stepfun/step-3.5-flash"' in asked.run("%wcode export ruby --last").text


def test_a_chat(asked: Kernel) -> None:
    """The newest request of a chat holds the conversation."""
    asked.run("%%wcode step --chat talk\nFirst")
    asked.run("%%wcode step --chat talk\nSecond")
    asked.run("%wcode ask -m step Between")
    text = asked.run("%wcode export curl --chat talk").text
    assert text.index("First") < text.index("Hello there") < text.index("Second")
    assert "Between" not in text


def test_another_model_and_server(asked: Kernel) -> None:
    """`--model` and `--base-url` change what is asked and where; the embedded model needs one of them."""
    assert "https://other.invalid/v1/chat/completions" in (
        asked.run("%wcode export curl --from answer --base-url https://other.invalid/v1/").text
    )
    asked.run("from wcode_jupyter import Message, Request")
    asked.run("mine = Request(model='local', messages=(Message('user', 'Hi'),), endpoint='local')")
    refused = asked.run("%wcode export go --from mine")
    assert "local is the embedded model. Programs cannot reach it" in refused.text
    assert len(refused.outputs[0]["traceback"]) == 1
    text = asked.run("%wcode export python --from mine --model glm-5").text
    assert '"model": "z-ai/glm-5"' in text
    assert "http://127.0.0.1:" in text


def test_the_gateway_by_the_address_in_force(asked: Kernel, server: FaultServer) -> None:
    """The gateway may be set under another path: the program asks there."""
    asked.run("%wcode set base_url=https://wcode.net/api/other/v1")
    asked.run("%%wcode glm-5 --dry-run -o elsewhere\nHi")
    assert "https://wcode.net/api/other/v1/chat/completions" in asked.run("%wcode export curl --from elsewhere").text
    asked.run("%wcode unset base_url")
    assert server.base_url in asked.run("%wcode export curl --from answer").text


def test_a_file_is_not_replaced_unasked(asked: Kernel) -> None:
    """An existing file stays until `--force`; without a path the target's own name is taken."""
    file = asked.cwd / "ask.rb"
    file.write_text("mine")
    assert (
        "ask.rb already exists. Use --force to overwrite it."
        in asked.run("%wcode export ruby --from answer --write").text
    )
    assert file.read_text() == "mine"
    assert asked.run("%wcode export ruby --write --from answer --force").text == "Wrote ask.rb.\nRun: ruby ask.rb\n"
    assert "Net::HTTP" in file.read_text()
    assert asked.run("%wcode export c --from answer --write 'a dir/my ask.c'").text == (
        "Wrote a dir/my ask.c.\nRun: cc 'a dir/my ask.c' -o ask -lcurl -lcjson && ./ask\n"
    )


def opencode_file(kernel: Kernel) -> Path:
    folder = kernel.run("import os; print(os.environ['XDG_CONFIG_HOME'])").text.strip()
    return Path(folder, "opencode/opencode.json")


def test_a_tool_is_shown(asked: Kernel) -> None:
    """JSON and lines for the shell as they are, with what to do; a form as a table."""
    text = asked.run("%wcode export opencode --model qwen3.6-plus").text
    assert '"apiKey": "{env:WCODE_API_KEY}"' in text
    assert "Use --write to merge it into $XDG_CONFIG_HOME/opencode/opencode.json." in text
    assert "choose qwen3.6-plus." in text
    asked.run("%wcode export opencode --model qwen3.6-plus -o fragment")
    assert asked.run("import json; print(*json.loads(fragment)['provider'])").text == "myprovider\n"
    assert "\nContext Window Size  1024000\n" in asked.run("%wcode export cline -m qwen3.6-plus").text
    assert (
        "export ANTHROPIC_BASE_URL=https://wcode.net/api/anthropic\n" in asked.run("%wcode export anthropic-env").text
    )


def test_a_tool_is_merged_into_its_file(asked: Kernel) -> None:
    """The file is named, all else in it stays, a copy is kept, and a second time changes nothing."""
    file = opencode_file(asked)
    file.parent.mkdir(parents=True)
    file.write_text('{\n  // mine\n  "theme": "dark"\n}\n')
    done = asked.run("%wcode export opencode -m glm-5 --write").text
    assert done.startswith("The file of OpenCode: $XDG_CONFIG_HOME/opencode/opencode.json\nMerged. ")
    assert "is in opencode.json.bak.\n" in done
    assert '// mine\n  "theme": "dark"' in file.read_text()
    assert KEY not in file.read_text()
    assert "nothing was changed" in asked.run("%wcode export opencode -m glm-5 --write").text


def test_the_key_goes_into_files_only(asked: Kernel, server: FaultServer) -> None:
    """With `--with-key` the file holds it, readable by its owner alone; no output ever does."""
    asked.run(f"import getpass; getpass.getpass = lambda prompt: {KEY!r}\n%wcode key set {server.base_url}")
    refused = asked.run("%wcode export openclaw -m glm-5 --with-key")
    assert "--with-key needs --write" in refused.text
    done = asked.run("%wcode export openclaw -m glm-5 --write claw.json --with-key -o shown").text
    assert done.startswith("The file of OpenClaw: claw.json\nWritten.\n")
    assert "WCODE_API_KEY" not in done  # no variable to set any more
    assert "Run openclaw tui" in done
    written = json.loads((asked.cwd / "claw.json").read_text())
    assert written["models"]["providers"]["wcode"]["apiKey"] == KEY
    asked.run("%wcode export openai-env -m glm-5 --write env.sh --with-key")
    assert f"OPENAI_API_KEY={KEY}\n" in (asked.cwd / "env.sh").read_text()
    for name in ("claw.json", "env.sh"):
        assert stat.S_IMODE(os.stat(asked.cwd / name).st_mode) == 0o600
    assert "stores keys itself" in asked.run("%wcode export llm -m glm-5 --write x --with-key").text
    assert "No API key for other.invalid" in (
        asked.run("%wcode export litellm -m glm-5 --base-url https://other.invalid/v1 --write x --with-key").text
    )
    assert asked.run("print(shown.count('WCODE_API_KEY'))").text == "1\n"
    assert not any(KEY in str(message.content) for message in asked.messages if message.type != "execute_input")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rubby", "Did you mean ruby?"),
        ("notebok", "Did you mean notebook?"),
        ("go more", "Unexpected word more"),
        ("go --strem", "Did you mean --stream?"),
        ("go --with-key", "Unknown option --with-key"),
        ("opencode --stream", "Unknown option --stream"),
        ("go --last --from answer", "Use only one of"),
        ("go --from answr", "Did you mean answer?"),
        ("go --from who", "who is neither a Reply nor a request"),
        ("go --chat nobody", "Chat not found: nobody"),
        ("go -o 1x", "not a variable name"),
        ("python-anthropic --from answer", "uses the anthropic format"),
        ("cline -m glm-5 --write x", "cline has no configuration file"),
        ("openai-env -m glm-5 --write", "--write needs a path here"),
        ("go --from answer --write /proc/no/file", "Cannot write /proc/no/file"),
        ("notebook a.py b.py", "Unexpected word b.py"),
        ("go --from answer --base-url nowhere", "Not a base URL"),
    ],
)
def test_a_bad_line_is_one_line(asked: Kernel, line: str, words: str) -> None:
    """What is wrong is said in one line."""
    done = asked.run(f"%wcode export {line}")
    assert done.status == "error"
    assert len(done.outputs[-1]["traceback"]) == 1
    assert words in done.text


def test_nothing_asked_yet(kernel: Kernel) -> None:
    """Without a reply there is no program, and without a model no configuration; both say what to do."""
    kernel.run("%load_ext wcode_jupyter")
    assert "No reply in this session yet. Send a request first" in kernel.run("%wcode export go").text
    assert "No model selected. Send a request first" in kernel.run("%wcode export cline").text
    kernel.run("%wcode set model=qwen3.6-plus")
    assert "1024000" in kernel.run("%wcode export cline").text


def test_the_notebook_as_a_script_asks_the_same(server: FaultServer, kernel: Kernel) -> None:
    """Run by plain Python it sends the bodies that the cells sent, in their order; what failed is a comment."""
    first = len(server.requests)
    for cell in (
        "%load_ext wcode_jupyter",
        f"%wcode set base_url={server.base_url} model=glm-5 system='Be brief'",
        "who = 'World'",
        "%%wcode --temperature 0.2 -o greeting\nHello {{who}}!\nAnd {{{braces}}} too.",
        "def shout(text):\n    return text.upper() + '!'",
        "print(shout(greeting.text))",
        "1 / 0",
        "print('half'\n",
        '%%wcode --no-stream --stop END --extra-body \'{"user": "me"}\'\nAgain, {{greeting}}?',
        "%%wcode --no-such-option\nnever sent",
        "%wcode ask -m step what now?",
    ):
        kernel.run(cell)
    cells = [one.json for one in server.requests[first:]]
    assert len(cells) == 3
    assert kernel.run("%wcode export notebook script.py").text == "Wrote script.py.\nRun: python script.py\n"
    assert run(kernel.cwd / "script.py") == "Hello there\nHELLO THERE!\nHello there\nHello there\n"
    assert [one.json for one in server.requests[first + 3 :]] == cells
    source = (kernel.cwd / "script.py").read_text("utf-8")
    for comment in ("# 1 / 0\n", "# print('half'\n", "# %%wcode --no-such-option\n# never sent\n"):
        assert comment in source
    assert "export notebook" not in source
    assert "script.py already exists" in kernel.run("%wcode export notebook script.py").text
    assert "greeting = client.ask(" in kernel.run("%wcode export notebook").text
