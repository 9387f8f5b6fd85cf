"""Configurations of tools: what they say, and what is left of the file they go into."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import platformdirs
import pytest
import yaml

from wcode_jupyter.catalogue import Catalogue, Model
from wcode_jupyter.errors import InputError
from wcode_jupyter.export import TARGETS, ToolConfig, export_tool, write_tool
from wcode_jupyter.keys import Secret

BASE = "https://wcode.net/api/gpt/v1"
KEY = "sk-test-0123456789-SECRET"
TOOLS = [row.name for row in TARGETS.values() if row.kind == "tool"]
CATALOGUE = Catalogue.load()


def config(target: str, model: str = "qwen3.6-plus", key: str | None = None) -> ToolConfig:
    return export_tool(
        target,
        model=CATALOGUE.model(model),
        base_url=BASE,
        anthropic_base_url="https://wcode.net/api/anthropic",
        key=Secret(key) if key else None,
    )


@pytest.mark.parametrize("target", TOOLS)
def test_key_only_when_given(target: str) -> None:
    """Without the key there is a reference or a word in its place; with it, it is in the text and in no repr."""
    assert KEY not in config(target).text
    made = config(target, key=KEY)
    assert (KEY in made.text) == (target != "llm")  # llm keeps keys in a file of its own
    assert KEY not in repr(made)
    assert "\0" not in made.text


def test_openclaw() -> None:
    """Capabilities, context and limits are the catalogue's; the key is OpenClaw's reference to the environment."""
    provider = config("openclaw").values()["models"]["providers"]["wcode"]
    assert provider["apiKey"] == "${WCODE_API_KEY}"
    assert provider["models"] == [
        {
            "id": "qwen3.6-plus",
            "name": "Qwen 3.6 Plus",
            "reasoning": True,
            "input": ["text", "image"],
            "contextWindow": 1024000,
            "maxTokens": 64000,
        }
    ]
    step = config("openclaw", "stepfun/step-3.5-flash").values()
    assert "maxTokens" not in step["models"]["providers"]["wcode"]["models"][0]
    assert step["agents"]["defaults"]["model"]["primary"] == "wcode/stepfun/step-3.5-flash"


def test_opencode() -> None:
    """A model that reads only text and does not reason is said to be so."""
    options = json.loads(config("opencode", "qwen/qwen3-235b-a22b").text)["provider"]["wcode"]
    assert options["options"] == {"baseURL": BASE, "apiKey": "{env:WCODE_API_KEY}"}
    assert options["models"]["qwen/qwen3-235b-a22b"] == {
        "name": "Qwen3 235B A22B",
        "reasoning": False,
        "attachment": False,
        "modalities": {"input": ["text"], "output": ["text"]},
        "limit": {"context": 128000, "output": 8192},
    }


@pytest.mark.parametrize("target", TOOLS)
def test_unknown_model(target: str) -> None:
    """Nothing is said of a model that the catalogue does not know, except its id."""
    text = config(target, "new/model").text
    assert "new/model" in text
    for word in ("reasoning", "vision", "context", "Context", "Image", "max", "None"):
        assert word not in text


def test_forms() -> None:
    """The forms ask for what the page of qwen3.6-plus names."""
    assert dict(list(config("cline").fields.items())[:4]) == {
        "API Provider": "OpenAI Compatible",
        "Base URL": BASE,
        "API Key": "your API key",
        "Model ID": "qwen3.6-plus",
    }
    assert config("roo-code").fields["Model"] == "qwen3.6-plus"
    assert config("opencode").fields == {}


def test_environment() -> None:
    """Lines for the shell expand the reference and nothing else."""
    assert config("openai-env").text == (
        f'export OPENAI_BASE_URL={BASE}\nexport OPENAI_API_KEY="$WCODE_API_KEY"\nexport OPENAI_MODEL=qwen3.6-plus\n'
    )
    model = Model(id="a b$(x)")
    made = export_tool(
        "anthropic-env", model=model, base_url=BASE, anthropic_base_url="https://wcode.net/api/anthropic"
    )
    assert made.text.splitlines() == [
        "export ANTHROPIC_BASE_URL=https://wcode.net/api/anthropic",
        'export ANTHROPIC_AUTH_TOKEN="$WCODE_API_KEY"',
        "export ANTHROPIC_MODEL='a b$(x)'",
    ]
    with pytest.raises(InputError):
        export_tool("anthropic-env", model=model, base_url=BASE)


def test_the_folder_of_llm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """llm has another folder on each system, and the one that the user gave it comes first; others have one file."""
    folder = platformdirs.user_config_dir("io.datasette.llm", appauthor=False, roaming=True)
    monkeypatch.delenv("LLM_USER_PATH", raising=False)
    assert config("llm").path == Path(folder, "extra-openai-models.yaml")
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path))
    assert config("llm").path == tmp_path / "extra-openai-models.yaml"
    assert config("opencode").path == Path.home() / ".config/opencode/opencode.json"
    assert config("litellm").path == Path("config.yaml")
    assert config("cline").path is None


def test_new_file(tmp_path: Path) -> None:
    """Where there is no file one is made, folders too, and no backup; with the key it is the user's alone."""
    path = tmp_path / "a" / "opencode.json"
    written = write_tool(config("opencode", key=KEY), path)
    assert (written.changed, written.backup) == (True, None)
    assert json.loads(path.read_text())["provider"]["wcode"]["options"]["apiKey"] == KEY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert write_tool(config("opencode", key=KEY), path).changed is False


EXISTING = """// mine
{
  "models": {"mode": "replace", "providers": {"wcode": {"apiKey": "typed-by-hand", "models": [{"id": "old"}]}}},
  "agents": {"defaults": {"models": {"x/y": {"alias": "z"}}, "model": "x/y"}}, // default
  "channels": {"telegram": {"token": "t"}},
}
"""


def test_existing_openclaw(tmp_path: Path) -> None:
    """A hard file keeps its comments, other models, allowed list and the key typed by hand; the backup is the file."""
    path = tmp_path / "openclaw.json"
    path.write_text(EXISTING)
    path.chmod(0o640)
    written = write_tool(config("openclaw"), path)
    new = path.read_text()
    assert written.backup is not None
    assert written.backup.read_text() == EXISTING
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    for kept in ("// mine\n", '"apiKey": "typed-by-hand"', '{"id": "old"}', "}, // default\n", '{"token": "t"}},\n}\n'):
        assert kept in new
    assert '"wcode/qwen3.6-plus": {}' in new
    assert write_tool(config("openclaw"), path).changed is False
    assert sorted(file.name for file in tmp_path.iterdir()) == ["openclaw.json", "openclaw.json.bak"]
    assert write_tool(config("openclaw", key=KEY), path).backup == tmp_path / "openclaw.json.bak1"
    assert "typed-by-hand" not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600  # the key is for nobody else


def test_link_stays_a_link(tmp_path: Path) -> None:
    """A configuration that is a link to a file elsewhere is changed there."""
    real, link = tmp_path / "dotfiles.json", tmp_path / "opencode.json"
    real.write_text("{}")
    link.symlink_to(real)
    write_tool(config("opencode"), link)
    assert link.is_symlink()
    assert "wcode" in real.read_text()


def test_only_files_are_written(tmp_path: Path) -> None:
    """A folder, a pipe, a device and a link to itself are refused by name and stay what they are."""
    pipe, circle = tmp_path / "pipe", tmp_path / "circle"
    os.mkfifo(pipe)
    circle.symlink_to(circle)
    for path in (tmp_path, pipe, circle):
        with pytest.raises(InputError, match=f"{path} is not a file"):
            write_tool(config("opencode"), path)
    assert pipe.is_fifo()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["circle", "pipe"]


@pytest.mark.parametrize(
    ("target", "content"),
    [
        ("opencode", b'{"a": \n...\n}'),
        ("openclaw", b"[]"),
        ("opencode", b"\xff\xfe{"),
        ("litellm", b"model_list: [\n"),
        ("litellm", b"- a\n"),
        ("llm", b"a: 1\n"),
        ("litellm", b"model_list: {a: 1}\n"),
        ("litellm", b'model_list: [{"model_name": "x"}]\n'),
        ("litellm", b"all: &all\n  - model_name: a\nmodel_list: *all\n"),
        ("litellm", b"model_list:\n  - &a\n    model_name: qwen3.6-plus\n  - *a\n"),
        ("litellm", b"a: 1\n---\nmodel_list: []\n"),
    ],
)
def test_refused_files(target: str, content: bytes, tmp_path: Path) -> None:
    """A file that cannot be read or changed safely is refused by name, and stays as it was, without a backup."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError, match="file"):
        write_tool(config(target), path)
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("target", ["cline", "openai-env"])
def test_nothing_to_write(target: str) -> None:
    """A form and the shell have no file."""
    with pytest.raises(InputError, match="no configuration file"):
        write_tool(config(target))


LITELLM = """# proxy
general_settings:
  master_key: os.environ/MASTER # secret

model_list:
  # the old one
  - model_name: gpt  # alias
    litellm_params:
      model: openai/gpt
      api_key: os.environ/OPENAI
  - litellm_params:
      api_key: "os.environ/OLD"   # rotate
      model: openai/qwen3.6-plus
      rpm: 5
    model_name: 'qwen3.6-plus' # ours

# the end
litellm_settings:
  drop_params: true
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_existing_litellm(tmp_path: Path, newline: str) -> None:
    """An item of the same name is changed field by field; comments and the user's own fields stay."""
    path = tmp_path / "config.yaml"
    path.write_text(LITELLM, newline=newline)
    write_tool(config("litellm"), path)
    new = path.read_bytes().decode()
    assert new == LITELLM.replace('"os.environ/OLD"   # rotate', '"os.environ/WCODE_API_KEY"   # rotate').replace(
        "      rpm: 5\n", f'      rpm: 5\n      api_base: "{BASE}"\n'
    ).replace(
        "# ours\n",
        "# ours\n    model_info:\n      supports_reasoning: true\n      supports_vision: true\n"
        "      max_input_tokens: 1024000\n      max_output_tokens: 64000\n",
    ).replace("\n", newline)
    assert write_tool(config("litellm"), path).changed is False


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("litellm", ""),
        ("litellm", "# only a comment\n"),
        ("litellm", "model_list:\n"),
        ("litellm", "model_list:\n- model_name: a\n  litellm_params: {model: b}\nother: 1"),
        ("litellm", "model_list: # all\n      - model_name: a\n        litellm_params:\n          model: b\n\n\n"),
        ("litellm", "a: |\n  model_list:\n    - x\nb: 2\n"),
        ("litellm", "model_list: [ ]  # none yet\nother: 1\n"),
        ("litellm", "\ufeffmodel_list:\n  - model_name: a\n"),
        ("litellm", 'model_list:\n  - model_name: a\n    note: "x\u2028y"\n'),
        ("litellm", "all: &all\n  rpm: 5\nmodel_list:\n  - model_name: a\n    litellm_params:\n      <<: *all\n"),
        ("llm", ""),
        ("llm", "- model_id: a\n  model_name: b\n  aliases: [c, d]\n"),
        ("llm", "# mine\n-   model_id: a\n    model_name: b\n"),
        (
            "llm",
            "---\n- model_id: wcode/qwen3.6-plus\n  model_name: old\n  headers:\n    x: y\n- {model_id: z}\n",
        ),
    ],
)
def test_yaml_layouts(target: str, text: str, tmp_path: Path) -> None:
    """Whatever the layout, what was there means the same, and the new item is there once."""
    path = tmp_path / "file.yaml"
    path.write_text(text)
    write_tool(config(target), path)
    old, new = yaml.safe_load(text), yaml.safe_load(path.read_text())
    name = "model_name" if target == "litellm" else "model_id"
    expected = config(target).values()
    if target == "litellm":
        assert {key: value for key, value in new.items() if key != "model_list"} == {
            key: value for key, value in (old or {}).items() if key != "model_list"
        }
        old, new = (old or {}).get("model_list"), new["model_list"]
    others: list[Any] = [item for item in old or [] if item[name] != expected[name]]
    assert [item for item in new if item[name] != expected[name]] == others
    (ours,) = [item for item in new if item[name] == expected[name]]
    assert {**ours, **expected} == ours
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert all(line in path.read_text() for line in comments)
    assert len(re.findall("^\ufeff?model_list:", path.read_text(), re.MULTILINE)) == (target == "litellm")
    assert write_tool(config(target), path).changed is False
