"""Where a request can go: one row for each program and each tool that the export knows."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from ..errors import InputError, OptionError
from ..language import N_, _
from ..request.forms import FORMS
from ..request.messages import Protocol
from ..request.parameters import did_you_mean

__all__ = ["TARGETS", "Kind", "Target", "find"]

Kind: TypeAlias = Literal["program", "tool"]


class Target(Struct, frozen=True, kw_only=True):
    """One row. `name` is what the user types."""

    name: str
    kind: Kind
    title: str
    needs: str
    """What must be installed; a word of English and names of packages."""
    file_name: str = ""
    """Programs: what to call the file. Tools: where their file stands, `~` for the home folder; "" for a form."""
    run: str = ""
    """The command that runs the program or, after the configuration, the tool; "" where there is none."""
    language: str = ""
    """Programs: the row of `literals.LITERALS` that spells the template's values."""
    protocols: tuple[Protocol, ...] = tuple(FORMS)


def _program(name: str, title: str, language: str, file_name: str, needs: str, run: str) -> Target:
    return Target(name=name, kind="program", title=title, language=language, file_name=file_name, needs=needs, run=run)


def _tool(name: str, title: str, needs: str, file_name: str = "", run: str = "", anthropic: bool = False) -> Target:
    protocols: tuple[Protocol, ...] = ("anthropic",) if anthropic else ("openai",)
    return Target(name=name, kind="tool", title=title, needs=needs, file_name=file_name, run=run, protocols=protocols)


_ROWS = (
    _program("curl", "curl", "bash", "ask.sh", N_("bash, curl 7.70+, jq 1.6+"), "bash ask.sh"),
    _program("python", "Python, requests", "python", "ask.py", N_("Python 3.8+, requests"), "python ask.py"),
    _program("python-httpx", "Python, httpx", "python", "ask.py", N_("Python 3.8+, httpx"), "python ask.py"),
    Target(
        name="python-openai",
        kind="program",
        title="Python, OpenAI SDK",
        language="python",
        file_name="ask.py",
        needs=N_("Python 3.8+, openai"),
        run="python ask.py",
        protocols=("openai",),
    ),
    Target(
        name="python-anthropic",
        kind="program",
        title="Python, Anthropic SDK",
        language="python",
        file_name="ask.py",
        needs=N_("Python 3.8+, anthropic"),
        run="python ask.py",
        protocols=("anthropic",),
    ),
    _program("javascript", "JavaScript, axios", "javascript", "ask.cjs", N_("Node.js 18+, axios"), "node ask.cjs"),
    _program(
        "typescript",
        "TypeScript, fetch",
        "javascript",
        "ask.ts",
        N_("Node.js 18+, tsx (or Deno, Bun)"),
        "npx tsx ask.ts",
    ),
    _program("go", "Go, net/http", "go", "ask.go", N_("Go 1.18+"), "go run ask.go"),
    _program(
        "rust", "Rust, reqwest", "rust", "src/main.rs", N_("Rust 1.65+, reqwest, tokio (full), serde_json"), "cargo run"
    ),
    _program(
        "c", "C, libcurl", "c", "ask.c", N_("a C99 compiler, libcurl, cJSON"), "cc ask.c -o ask -lcurl -lcjson && ./ask"
    ),
    _program("csharp", "C#, HttpClient", "csharp", "Program.cs", N_(".NET 6+"), "dotnet run"),
    _program("csharp-restsharp", "C#, RestSharp", "csharp", "Program.cs", N_(".NET 6+, RestSharp 112+"), "dotnet run"),
    _program("java", "Java, OkHttp", "java", "Ask.java", N_("Java 17+, OkHttp 4+, Gson"), "java -cp 'lib/*' Ask.java"),
    _program("swift", "Swift, URLSession", "swift", "main.swift", N_("Swift 5.7+"), "swift main.swift"),
    _program("dart", "Dart, http", "dart", "bin/ask.dart", N_("Dart 3+, http 1+"), "dart run bin/ask.dart"),
    _program("ruby", "Ruby, Net::HTTP", "ruby", "ask.rb", N_("Ruby 2.7+"), "ruby ask.rb"),
    _program("php", "PHP, Guzzle", "php", "ask.php", N_("PHP 8.1+, guzzlehttp/guzzle 7"), "php ask.php"),
    _program("php-curl", "PHP, cURL", "php", "ask.php", N_("PHP 8.1+ with its curl extension"), "php ask.php"),
    _program("powershell", "PowerShell", "powershell", "ask.ps1", N_("PowerShell 7.5+"), "pwsh ask.ps1"),
    _tool("openclaw", "OpenClaw", N_("OpenClaw"), "~/.openclaw/openclaw.json", "openclaw tui"),
    _tool("opencode", "OpenCode", N_("OpenCode"), "~/.config/opencode/opencode.json", "opencode"),
    _tool("roo-code", "Roo Code", N_("the VS Code extension Roo Code")),
    _tool("kilo-code", "Kilo Code", N_("the VS Code extension Kilo Code")),
    _tool("cline", "Cline", N_("the VS Code extension Cline")),
    _tool("openai-env", "OpenAI SDK", N_("an OpenAI SDK")),
    _tool("anthropic-env", "Anthropic SDK", N_("an Anthropic SDK, or Claude Code"), anthropic=True),
    _tool("llm", "llm", N_("llm"), "~/.config/io.datasette.llm/extra-openai-models.yaml", "llm -m {model} 'Hello'"),
    _tool("litellm", "LiteLLM", N_("litellm[proxy]"), "config.yaml", "litellm --config config.yaml"),
)

TARGETS: dict[str, Target] = {row.name: row for row in _ROWS}
"""All rows by name: programs first, then tools."""


def find(name: str, kind: Kind | None = None) -> Target:
    """The row of `name`. Raises InputError naming the nearest ones: unknown, or of the other kind."""
    row = TARGETS.get(name)
    if row is None:
        names = [row.name for row in TARGETS.values() if kind in (None, row.kind)]
        raise OptionError(
            _("Unknown export target: {name}").format(name=name),
            hint=did_you_mean(name, names) or _("%wcode export lists the targets."),
        )
    if kind not in (None, row.kind):
        raise InputError(
            _("{name} is a tool to configure, not a program").format(name=name)
            if row.kind == "tool"
            else _("{name} is a program, not a tool to configure").format(name=name),
            hint=_("Use %wcode export {name}.").format(name=name),
        )
    return row
