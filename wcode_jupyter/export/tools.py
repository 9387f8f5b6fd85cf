"""A model as the configuration of a tool: a file to merge into, a form to fill in, or lines for the shell.

Capabilities come from the catalogue; what it does not state is left out, never guessed. The key stands in a
configuration only when it is given, else the tool's own reference to the environment. Shapes: OpenClaw and OpenCode
from the API pages and the tools' documentation; llm from `llm.default_plugins.openai_models`; LiteLLM from its
documentation "Config.yaml"; the forms of Roo Code, Kilo Code and Cline from the page of qwen3.6-plus, which names
provider, base URL, key and model. The labels of sizes and images are those of the tools' sources of 2025 and 2026
(`OpenAICompatible.tsx` of Roo Code and Cline, Kilo Code's guide "OpenAI Compatible"); another version may word them
otherwise, and the newest Kilo Code has a dialog of its own.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from msgspec import Struct

from ..catalogue import Model
from ..errors import InputError
from ..language import N_, _
from . import yamlfile
from .programs import checked_base_url
from .targets import Target, find
from .tool_files import Patch, Written, merge_file, path_of

if TYPE_CHECKING:
    from ..keys import Secret

__all__ = ["KEY_STEPS", "ToolConfig", "export_tool", "write_tool"]

Form: TypeAlias = Literal["json", "yaml", "shell", "form"]

# Stands for the key until the text is rendered, so that no repr of a configuration can hold the key.
_KEY = "\0key"
_VARIABLE = "WCODE_API_KEY"


class ToolConfig(Struct, frozen=True, kw_only=True):
    """What to write, type or run. `text` and `fields` are for people; `write_tool` merges into the file."""

    target: Target
    form: Form
    patch: dict[str, object]
    """JSON: the members to merge. YAML: the item of the list. Form: label -> value. Shell: variable -> value."""
    key_reference: str
    """What stands in the key's place when the key is not given."""
    key: Secret | None = None
    steps: tuple[str, ...] = ()
    """What to do besides, one sentence each."""

    @property
    def path(self) -> Path | None:
        """Where the tool reads its file on this machine; None for a form and for the shell."""
        return path_of(self.target)

    @property
    def fields(self) -> dict[str, str]:
        """Form: what to choose or type, by label. Holds the key when it was given."""
        return self.values() if self.form == "form" else {}

    @property
    def text(self) -> str:
        """The configuration as text. Holds the key when it was given."""
        return _RENDERERS[self.form](self.values(), self.target)

    def values(self) -> dict[str, Any]:
        """`patch` with the key, or with the reference to it."""
        key = self.key.reveal() if self.key is not None else self.key_reference
        result: dict[str, Any] = _filled(self.patch, key)
        return result


def export_tool(
    target: str, *, model: Model, base_url: str, anthropic_base_url: str | None = None, key: Secret | None = None
) -> ToolConfig:
    """The configuration of `target` for `model`; with `key` it holds the key, else a reference to WCODE_API_KEY.

    Raises InputError: no such tool, or no Anthropic base URL for `anthropic-env`.
    """
    row = find(target, "tool")
    url = base_url if "openai" in row.protocols else anthropic_base_url
    if not url:
        raise InputError(_("{target} needs the Anthropic base URL").format(target=target))
    form, reference, build, steps = _TOOLS[row.name]
    said = tuple(_(step).format(model=model.id) for step in steps if key is None or step not in KEY_STEPS)
    patch = build(model, checked_base_url(url))
    return ToolConfig(
        target=row,
        form=form,
        patch=patch,
        key_reference=_(reference) if reference else "",
        key=key,
        steps=(*_additions(model, row.name), *said),
    )


def _additions(model: Model, target: str) -> tuple[str, ...]:
    """What the configuration says beyond the block of the model's page, a sentence each; may be empty."""
    vision, limits = _can(model, "vision"), bool(model.max_output)
    said = {
        "anthropic-env": (
            N_("The page of this model does not state the Anthropic form."),
            bool(model.key_page) and model.anthropic is None,
        ),
        "openclaw": (N_("Added to the page's block: images, which the model can see."), vision),
        "opencode": (N_("Added to the page's block: the limits that the page states elsewhere."), limits),
        "roo-code": (N_("Added to the page's fields: sizes and images."), limits),
        "kilo-code": (N_("Added to the page's fields: sizes and images."), limits),
        "cline": (N_("Added to the page's fields: sizes and images."), limits),
    }
    text, holds = said.get(target, ("", False))
    return (_(text),) if holds else ()


# --- One function for each tool ----------------------------------------------------------------------------------

Values: TypeAlias = dict[str, Any]


def _known(**values: object) -> Values:
    return {name: value for name, value in values.items() if value is not None}


def _can(model: Model, capability: str) -> bool | None:
    """None when the catalogue does not know the model."""
    return capability in model.capabilities if model.capabilities else None


def _inputs(model: Model) -> list[str] | None:
    return None if not model.capabilities else ["text", "image"] if _can(model, "vision") else ["text"]


def _openclaw(model: Model, base_url: str) -> Values:
    # "reasoning" is false on the pages, also for models that reason: true would make OpenClaw send an effort of its
    # own, which no page lists.
    row = _known(
        id=model.id,
        name=model.name or model.id,
        reasoning=False if model.capabilities else None,
        input=_inputs(model),
        contextWindow=model.context,
        maxTokens=model.max_output,
    )
    provider = {"baseUrl": base_url, "apiKey": _KEY, "api": "openai-completions", "models": [row]}
    return {
        "models": {"mode": "merge", "providers": {"wcode": provider}},
        "agents": {"defaults": {"model": {"primary": f"wcode/{model.id}"}}},
    }


def _opencode(model: Model, base_url: str) -> Values:
    # The pages give name and address; limits and images are added where the pages state them elsewhere. OpenCode wants
    # both limits or none.
    both = model.context and model.max_output
    row = _known(
        name=model.name or model.id,
        attachment=_can(model, "vision") or None,
        modalities={"input": _inputs(model), "output": ["text"]} if _can(model, "vision") else None,
        limit={"context": model.context, "output": model.max_output} if both else None,
    )
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "wcode",
        "options": {"baseURL": base_url, "apiKey": _KEY},
        "models": {model.id: row},
    }
    return {"$schema": "https://opencode.ai/config.json", "provider": {"myprovider": provider}}


def _llm(model: Model, base_url: str) -> Values:
    # No "reasoning": it would let llm send reasoning_effort, which the pages do not list.
    return _known(
        model_id=f"wcode/{model.id}",
        model_name=model.id,
        api_base=base_url,
        api_key_name="wcode",
        vision=_can(model, "vision") or None,
    )


def _litellm(model: Model, base_url: str) -> Values:
    params = {"model": f"openai/{model.id}", "api_base": base_url, "api_key": _KEY}
    info = _known(
        # Never false: the page of a model that reasons may not count it among what the model can do.
        supports_reasoning=_can(model, "reasoning") or None,
        supports_vision=_can(model, "vision"),
        max_input_tokens=model.context,
        max_output_tokens=model.max_output,
    )
    return {"model_name": model.id, "litellm_params": params} | ({"model_info": info} if info else {})


def _openai_form(model_label: str, image_label: str) -> Callable[[Model, str], Values]:
    def build(model: Model, base_url: str) -> Values:
        facts = _known(
            **{
                "Context Window Size": model.context,
                "Max Output Tokens": model.max_output,
                image_label: {True: "on", False: "off", None: None}[_can(model, "vision")],
            }
        )
        head = {"API Provider": "OpenAI Compatible", "Base URL": base_url, "API Key": _KEY, model_label: model.id}
        return {label: str(value) for label, value in (head | facts).items()}

    return build


def _openai_env(model: Model, base_url: str) -> Values:
    return {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": _KEY, "OPENAI_MODEL": model.id}


def _anthropic_env(model: Model, base_url: str) -> Values:
    return {"ANTHROPIC_BASE_URL": base_url, "ANTHROPIC_AUTH_TOKEN": _KEY, "ANTHROPIC_MODEL": model.id}


_TYPE_KEY = N_("your API key")
EXPORT_KEY = N_("Set the environment variable WCODE_API_KEY where the tool starts.")
_DAEMON_KEY = N_("With OpenClaw's daemon: put WCODE_API_KEY into ~/.openclaw/.env, which the daemon reads.")
KEY_STEPS = (EXPORT_KEY, _DAEMON_KEY)
"""Said where neither the configuration nor the file it goes into holds a key."""
_INSTALL_OPENCLAW = N_("Not installed yet: npm install -g openclaw@latest, then openclaw onboard --install-daemon")

_KILO_STEPS = (
    N_("Choose: Use your own API key."),
    N_("In a newer Kilo Code: Settings, Providers, Custom provider, and there Provider API: OpenAI Compatible."),
)

_TOOLS: dict[str, tuple[Form, str, Callable[[Model, str], Values], tuple[str, ...]]] = {
    "openclaw": (
        "json",
        f"${{{_VARIABLE}}}",
        _openclaw,
        (EXPORT_KEY, _DAEMON_KEY, _INSTALL_OPENCLAW, N_("Run openclaw tui, or openclaw dashboard for the browser.")),
    ),
    "opencode": (
        "json",
        f"{{env:{_VARIABLE}}}",
        _opencode,
        (EXPORT_KEY, N_("Run opencode, type /models and choose {model}.")),
    ),
    "roo-code": ("form", _TYPE_KEY, _openai_form("Model", "Image Support"), (N_("Open the settings of Roo Code."),)),
    "kilo-code": ("form", _TYPE_KEY, _openai_form("Model", "Image Support"), _KILO_STEPS),
    "cline": (
        "form",
        _TYPE_KEY,
        _openai_form("Model ID", "Supports Images"),
        (N_("Open the settings of Cline; sizes and images are under Model Configuration."),),
    ),
    "openai-env": ("shell", f"${_VARIABLE}", _openai_env, ()),
    "anthropic-env": (
        "shell",
        f"${_VARIABLE}",
        _anthropic_env,
        (N_("Unset ANTHROPIC_API_KEY: one credential is enough."),),
    ),
    "llm": ("yaml", "", _llm, (N_("Set the key for llm once: llm keys set wcode"),)),
    "litellm": (
        "yaml",
        f"os.environ/{_VARIABLE}",
        _litellm,
        (EXPORT_KEY, N_("The proxy needs its own key: set LITELLM_MASTER_KEY where it starts.")),
    ),
}

# YAML: the key of the list, "" for the whole file.
_LISTS = {"llm": "", "litellm": "model_list"}


# --- Text --------------------------------------------------------------------------------------------------------


def _filled(value: object, key: str) -> Any:
    if isinstance(value, Mapping):
        return {name: _filled(item, key) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, key) for item in value]
    return key if value == _KEY else value


def _json(values: Values, target: Target) -> str:
    return json.dumps(values, ensure_ascii=False, indent=2) + "\n"


def _yaml(values: Values, target: Target) -> str:
    under = _LISTS[target.name]
    lines = [f"{under}:", *yamlfile.render_item(values, "  ")] if under else yamlfile.render_item(values)
    return "\n".join(lines) + "\n"


def _shell(values: Values, target: Target) -> str:
    # The reference to the variable must be expanded; everything else must not.
    quoted = {name: f'"{v}"' if v == f"${_VARIABLE}" else shlex.quote(v) for name, v in values.items()}
    return "".join(f"export {name}={value}\n" for name, value in quoted.items())


def _form(values: Values, target: Target) -> str:
    return "".join(f"{label}: {value}\n" for label, value in values.items())


_RENDERERS: dict[Form, Callable[[Values, Target], str]] = {"json": _json, "yaml": _yaml, "shell": _shell, "form": _form}


# --- Files -------------------------------------------------------------------------------------------------------


def write_tool(config: ToolConfig, path: Path | None = None) -> Written:
    """Merges `config` into the tool's file at `path` (None: where the tool keeps it) and keeps all else of the file.

    What is there already is not written again; before a change the file is copied beside itself. What the file says
    of this server and model stays, its key too unless one was given. Raises InputError: nothing to write to, or a file
    that cannot be read, parsed or changed safely (it is then untouched).
    """
    path = path or config.path
    if path is None or config.form not in ("json", "yaml"):
        raise InputError(
            _("{target} has no configuration file").format(target=config.target.name),
            hint=_("Copy the text that is shown."),
        )
    patch = Patch(target=config.target, values=config.values(), with_key=config.key is not None)
    return merge_file(patch, path)
