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


# "models" of the openclaw.json block of each page, by hand; images are ours where the page's 模型能力 says 视觉理解.
OPENCLAW = {
    "stepfun/step-3.5-flash": ("Step 3.5 Flash", ["text"], 256000, 256000),
    "qwen/qwen3-235b-a22b": ("Qwen3 235B A22B", ["text"], 128000, 8192),
    "qwen3.6-plus": ("Qwen 3.6 Plus", ["text", "image"], 1024000, 64000),
    "z-ai/glm-5": ("GLM 5", ["text"], 200000, 128000),
}


@pytest.mark.parametrize("model", OPENCLAW)
def test_openclaw_is_the_block_of_the_page(model: str) -> None:
    """Every key and value of the page but for the key, which is OpenClaw's reference to the environment."""
    name, inputs, context, most = OPENCLAW[model]
    made = config("openclaw", model)
    assert made.values() == {
        "models": {
            "mode": "merge",
            "providers": {
                "wcode": {
                    "baseUrl": "https://wcode.net/api/gpt/v1",
                    "apiKey": "${WCODE_API_KEY}",
                    "api": "openai-completions",
                    "models": [
                        {
                            "id": model,
                            "name": name,
                            "reasoning": False,
                            "input": inputs,
                            "contextWindow": context,
                            "maxTokens": most,
                        }
                    ],
                }
            },
        },
        "agents": {"defaults": {"model": {"primary": f"wcode/{model}"}}},
    }
    assert any("images" in step for step in made.steps) == ("image" in inputs)
    for words in ("openclaw dashboard", "npm install -g openclaw@latest", "openclaw onboard --install-daemon", ".env"):
        assert any(words in step for step in made.steps)


@pytest.mark.parametrize("model", OPENCLAW)
def test_opencode_is_the_block_of_the_page(model: str) -> None:
    """Every key and value of the page; limits, and images where the model sees, are added, and it is said."""
    name, inputs, context, most = OPENCLAW[model]
    made = config("opencode", model)
    sees = {"attachment": True, "modalities": {"input": inputs, "output": ["text"]}} if "image" in inputs else {}
    assert json.loads(made.text) == {
        "$schema": "https://opencode.ai/config.json",
        "provider": {
            "myprovider": {
                "npm": "@ai-sdk/openai-compatible",
                "name": "wcode",
                "options": {"baseURL": "https://wcode.net/api/gpt/v1", "apiKey": "{env:WCODE_API_KEY}"},
                "models": {model: {"name": name, **sees, "limit": {"context": context, "output": most}}},
            }
        },
    }
    assert made.steps[0] == "Added to the page's block: the limits that the page states elsewhere."


# The page's own files as a reader has them, with a key and one more setting of his own.
PAGE_OPENCODE = """{
  "$schema": "https://opencode.ai/config.json",
  "theme": "dark",
  "provider": {
    "myprovider": {
      "npm": "@ai-sdk/openai-compatible",
      "name": "mine",
      "options": {
        "baseURL": "https://wcode.net/api/gpt/v1/",
        "apiKey": "sk-typed"
      },
      "models": {
        "qwen3.6-plus": {
          "name": "Qwen 3.6 Plus"
        }
      }
    }
  }
}
"""


@pytest.mark.parametrize("provider", ["myprovider", "wcode", "anything"])
def test_the_pages_provider_of_opencode_is_recognised_by_its_address(tmp_path: Path, provider: str) -> None:
    """No second provider, the typed key and name stay, and what is missing is added."""
    path = tmp_path / "opencode.json"
    path.write_text(PAGE_OPENCODE.replace("myprovider", provider))
    written = write_tool(config("opencode"), path)
    assert written.kept_key
    wanted = json.loads(path.read_text())
    model = wanted["provider"][provider]["models"].pop("qwen3.6-plus")
    assert model == json.loads(config("opencode").text)["provider"]["myprovider"]["models"]["qwen3.6-plus"]
    left = json.loads(PAGE_OPENCODE.replace("myprovider", provider))
    del left["provider"][provider]["models"]["qwen3.6-plus"]
    assert wanted == left
    assert write_tool(config("opencode"), path).changed is False
    write_tool(config("opencode", "z-ai/glm-5"), path)
    assert [*json.loads(path.read_text())["provider"]] == [provider]


PAGE_OPENCLAW = """{
  "models": {
    "mode": "replace",
    "providers": {
      "gateway": {
        "baseUrl": "https://wcode.net/api/gpt/v1",
        "apiKey": "sk-typed",
        "api": "openai-completions",
        "models": [
          {"id": "qwen3.6-plus", "name": "Q", "reasoning": true, "input": ["text"], "maxTokens": 9}
        ]
      },
      "wcode": {"baseUrl": "https://other.example/v1", "models": []}
    }
  },
  "agents": {"defaults": {"model": {"primary": "a/b"}}}
}
"""


def test_what_openclaws_file_says_stays(tmp_path: Path) -> None:
    """Also where it differs from the page; another server of the same name is not ours; the new default is said."""
    path = tmp_path / "openclaw.json"
    path.write_text(PAGE_OPENCLAW)
    written = write_tool(config("openclaw"), path)
    assert written.replaced == ("agents.defaults.model.primary: a/b → gateway/qwen3.6-plus",)
    assert written.kept_key
    wanted = json.loads(PAGE_OPENCLAW)
    wanted["models"]["providers"]["gateway"]["models"][0]["contextWindow"] = 1024000
    wanted["agents"]["defaults"]["model"]["primary"] = "gateway/qwen3.6-plus"
    assert json.loads(path.read_text()) == wanted
    path.write_text(PAGE_OPENCLAW.replace("https://wcode.net/api/gpt/v1", "https://third.example/v1"))
    write_tool(config("openclaw"), path)
    assert [*json.loads(path.read_text())["models"]["providers"]] == ["gateway", "wcode", "wcode2"]
    assert json.loads(path.read_text())["agents"]["defaults"]["model"]["primary"] == "wcode2/qwen3.6-plus"


def test_where_the_tools_look(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The tools' own environment variables come first, and opencode.jsonc before opencode.json."""
    for name in ("XDG_CONFIG_HOME", "OPENCODE_CONFIG", "OPENCLAW_CONFIG_PATH", "OPENCLAW_STATE_DIR", "OPENCLAW_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert config("opencode").path == Path.home() / ".config/opencode/opencode.json"
    assert config("openclaw").path == Path.home() / ".openclaw/openclaw.json"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config("opencode").path == tmp_path / "opencode/opencode.json"
    (tmp_path / "opencode").mkdir()
    (tmp_path / "opencode/opencode.jsonc").touch()
    assert config("opencode").path == tmp_path / "opencode/opencode.jsonc"
    monkeypatch.setenv("OPENCODE_CONFIG", str(tmp_path / "mine.json"))
    assert config("opencode").path == tmp_path / "mine.json"
    monkeypatch.setenv("OPENCLAW_HOME", str(tmp_path / "home"))
    assert config("openclaw").path == tmp_path / "home/.openclaw/openclaw.json"
    monkeypatch.setenv("OPENCLAW_STATE_DIR", str(tmp_path / "state"))
    assert config("openclaw").path == tmp_path / "state/openclaw.json"
    monkeypatch.setenv("OPENCLAW_CONFIG_PATH", str(tmp_path / "claw.json"))
    assert config("openclaw").path == tmp_path / "claw.json"


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
    assert config("litellm").path == Path("config.yaml")
    assert config("cline").path is None


def test_new_file(tmp_path: Path) -> None:
    """Where there is no file one is made, folders too, and no backup; with the key it is the user's alone."""
    path = tmp_path / "a" / "opencode.json"
    written = write_tool(config("opencode", key=KEY), path)
    assert (written.changed, written.backup) == (True, None)
    assert json.loads(path.read_text())["provider"]["myprovider"]["options"]["apiKey"] == KEY
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
        (
            "litellm",
            b"model_list:\n  - &a\n    model_name: qwen3.6-plus\n"
            b"    litellm_params: {api_base: https://wcode.net/api/gpt/v1}\n  - *a\n",
        ),
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
      api_base: https://wcode.net/api/gpt/v1/
      rpm: 5
    model_name: 'qwen3.6-plus' # ours

# the end
litellm_settings:
  drop_params: true
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_existing_litellm(tmp_path: Path, newline: str) -> None:
    """An item of the same name and server gets what it lacks; comments and the user's own fields stay."""
    path = tmp_path / "config.yaml"
    path.write_text(LITELLM, newline=newline)
    write_tool(config("litellm"), path)
    new = path.read_bytes().decode()
    assert new == LITELLM.replace(
        "# ours\n",
        "# ours\n    model_info:\n      supports_reasoning: true\n      supports_vision: true\n"
        "      max_input_tokens: 1024000\n      max_output_tokens: 64000\n",
    ).replace("\n", newline)
    assert write_tool(config("litellm"), path).changed is False


def test_litellm_shares_a_name_among_servers(tmp_path: Path) -> None:
    """Another server's item of the same name is not overwritten: ours is added."""
    path = tmp_path / "config.yaml"
    old = (
        "model_list:\n  - model_name: z-ai/glm-5\n    litellm_params:\n      model: openai/z-ai/glm-5\n"
        "      api_base: https://other.example/v1\n"
    )
    path.write_text(old)
    write_tool(config("litellm", "z-ai/glm-5"), path)
    assert path.read_text().startswith(old)
    items = yaml.safe_load(path.read_text())["model_list"]
    assert [item["litellm_params"]["api_base"] for item in items] == ["https://other.example/v1", BASE]


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
