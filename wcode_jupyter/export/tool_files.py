"""A tool's configuration in the tool's own file: where the tool reads it, and what is added to what is there.

What the file says stays: a key, a limit or a name that a person wrote is never replaced. The server is recognised by
its address, whatever its name in the file is, so that a configuration made from an API page gets no twin. The one thing
that changes is the default model of OpenClaw, which is what that export is for; it is said.

Where the tools look: OpenClaw's page "Environment variables", OpenCode's page "Config" and what it was seen to open
(github.com/anomalyco/opencode/issues/3407), `llm.user_dir`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import platformdirs
from msgspec import Struct

from .. import files
from ..errors import InputError
from ..language import _
from . import jsonc, yamlfile
from .targets import Target

__all__ = ["Patch", "Written", "merge_file", "path_of"]

Values: TypeAlias = dict[str, Any]


class Patch(Struct, frozen=True, kw_only=True):
    """What to say in the file of `target`; holds the key when it was given (`with_key`)."""

    target: Target
    values: Values
    """JSON: the members to merge. YAML: the item of the list."""
    with_key: bool


class Written(Struct, frozen=True):
    """What was done: `changed` is False when the file said all of it already."""

    path: Path
    changed: bool
    backup: Path | None = None
    kept_key: bool = False
    """Whether the file holds a key of its own for this server, which stayed."""
    replaced: tuple[str, ...] = ()
    """What the file said and now says otherwise: `place: old → new`."""


# --- Where -------------------------------------------------------------------------------------------------------


def path_of(target: Target) -> Path | None:
    """Where the tool reads its file on this machine, as its environment variables say; None where it has none."""
    if target.name in _PLACES:
        return _PLACES[target.name]()
    return Path(target.file_name).expanduser() if target.file_name else None


def _set_path(variable: str) -> Path | None:
    value = os.environ.get(variable, "").strip()
    return Path(value).expanduser() if value else None


MOVED_BY = ("XDG_CONFIG_HOME", "OPENCLAW_STATE_DIR", "OPENCLAW_HOME", "LLM_USER_PATH")
"""Environment variables that name a folder of the tools' files."""


def _openclaw_file() -> Path:
    if file := _set_path("OPENCLAW_CONFIG_PATH"):
        return file
    home = _set_path("OPENCLAW_HOME") or Path.home()
    return (_set_path("OPENCLAW_STATE_DIR") or home / ".openclaw") / "openclaw.json"


def _opencode_file() -> Path:
    if file := _set_path("OPENCODE_CONFIG"):
        return file
    folder = (_set_path("XDG_CONFIG_HOME") or Path.home() / ".config") / "opencode"
    # Of both it reads the .jsonc last, which then wins.
    with_comments = folder / "opencode.jsonc"
    return with_comments if with_comments.exists() else folder / "opencode.json"


def _llm_file() -> Path:
    """As `llm.user_dir`: another one on macOS and on Windows, and wherever the user said."""
    folder = _set_path("LLM_USER_PATH") or Path(
        platformdirs.user_config_dir("io.datasette.llm", appauthor=False, roaming=True)
    )
    return folder / "extra-openai-models.yaml"


_PLACES: dict[str, Callable[[], Path]] = {
    "openclaw": _openclaw_file,
    "opencode": _opencode_file,
    "llm": _llm_file,
}


# --- What --------------------------------------------------------------------------------------------------------


def merge_file(patch: Patch, path: Path) -> Written:
    """Merges `patch` into the file at `path`; before a change the file is copied beside itself.

    Raises InputError: a file that cannot be read, parsed or changed safely (it is then untouched).
    """
    path = _followed(path.expanduser())
    old = _read(path)
    try:
        new, kept_key, replaced = _MERGES[patch.target.name](old, patch)
    except InputError as error:
        raise InputError(f"{path}: {error.what}", hint=error.hint) from None
    if new == old:
        return Written(path, changed=False, kept_key=kept_key)
    try:
        backup = _backup(path) if path.exists() else None
        _replace(path, new, private=patch.with_key)
    except OSError as error:
        raise InputError(_("Cannot write {path}: {error}").format(path=path, error=error.strerror)) from None
    return Written(path, changed=True, backup=backup, kept_key=kept_key, replaced=replaced)


_Merged: TypeAlias = tuple[str, bool, tuple[str, ...]]
"""The new text, whether a key of the file stayed, and what was replaced."""


def _merge_openclaw(old: str, patch: Patch) -> _Merged:
    known = _parsed(old)
    providers = _at(known, "models", "providers")
    ours = patch.values["models"]["providers"]["wcode"]
    name, kept = _provider_at(providers, "wcode", ours["baseUrl"], "baseUrl")
    primary = f"{name}/{ours['models'][0]['id']}"
    kept_key = _has_another_key(kept, ours, patch)
    values: Values = {
        "models": {"mode": "merge", "providers": {name: _missing(kept, ours, patch)}},
        "agents": {"defaults": {"model": {"primary": primary}}},
    }
    if "mode" in (_at(known, "models") or {}):
        del values["models"]["mode"]
    allowed = _at(known, "agents", "defaults", "models")
    # Where OpenClaw has a list of allowed models, the new one must be in it.
    if isinstance(allowed, Mapping) and primary not in allowed:
        values["agents"]["defaults"]["models"] = {primary: {}}
    before = _at(known, "agents", "defaults", "model")
    before = before.get("primary") if isinstance(before, Mapping) else before
    replaced = (f"agents.defaults.model.primary: {before} → {primary}",) if before not in (None, primary) else ()
    return jsonc.merge(old, values), kept_key, replaced


def _merge_opencode(old: str, patch: Patch) -> _Merged:
    known = _parsed(old)
    (default, ours), *_rest = patch.values["provider"].items()
    name, kept = _provider_at(_at(known, "provider"), default, ours["options"]["baseURL"], "options", "baseURL")
    kept_key = _has_another_key(_at(kept, "options"), ours["options"], patch)
    values: Values = {"provider": {name: _missing(kept, ours, patch)}}
    if "$schema" not in known:
        values = {"$schema": patch.values["$schema"], **values}
    return jsonc.merge(old, values), kept_key, ()


def _merge_llm(old: str, patch: Patch) -> _Merged:
    return (
        yamlfile.merge_item(old, patch.values, lambda item: item.get("model_id") == patch.values["model_id"]),
        False,
        (),
    )


def _merge_litellm(old: str, patch: Patch) -> _Merged:
    # LiteLLM shares the requests for one name among all items of that name: another server's item is not ours.
    ours = patch.values["litellm_params"]
    kept: list[Values] = []

    def is_ours(item: Mapping[str, object]) -> bool:
        found = item.get("model_name") == patch.values["model_name"] and _same_address(
            _at(item, "litellm_params", "api_base"), ours["api_base"]
        )
        if found and not kept:
            kept.append(dict(item))
        return bool(found)

    yamlfile.find_item(old, is_ours, under="model_list")
    item = kept[0] if kept else {}
    kept_key = _has_another_key(_at(item, "litellm_params"), ours, patch, name="api_key")
    values = _missing(item, patch.values, patch)
    return yamlfile.merge_item(old, values, is_ours, under="model_list", fresh=patch.values), kept_key, ()


_MERGES: dict[str, Callable[[str, Patch], _Merged]] = {
    "openclaw": _merge_openclaw,
    "opencode": _merge_opencode,
    "llm": _merge_llm,
    "litellm": _merge_litellm,
}


def _provider_at(providers: object, name: str, url: str, *place: str) -> tuple[str, object]:
    """Name and value of the provider at the address `url`; a free name and nothing where there is none."""
    known = providers if isinstance(providers, Mapping) else {}
    for other, value in known.items():
        if _same_address(_at(value, *place), url):
            return other, value
    # One without an address may be ours in the making.
    if name in known and _at(known[name], *place) is not None:
        number = 2
        while f"{name}{number}" in known:
            number += 1
        name = f"{name}{number}"
    return name, known.get(name, {})


def _same_address(left: object, right: str) -> bool:
    return isinstance(left, str) and _address(left) == _address(right)


def _address(url: str) -> str:
    return url.strip().rstrip("/").removesuffix("/chat/completions").rstrip("/")


_KEY_NAMES = ("apiKey", "api_key")


def _has_another_key(kept: object, ours: Values, patch: Patch, name: str = "apiKey") -> bool:
    key = _at(kept, name)
    return not patch.with_key and key is not None and key != ours[name]


def _missing(known: object, new: object, patch: Patch, name: str = "") -> Any:
    """Of `new`, what `known` does not say: what a person wrote stays, but for a key that takes its place."""
    if isinstance(known, Mapping) and isinstance(new, Mapping):
        found = {key: _missing(known[key], value, patch, key) if key in known else value for key, value in new.items()}
        return {key: value for key, value in found.items() if value is not _NOTHING}
    if isinstance(known, list) and isinstance(new, list) and name == "models":
        items = {item["id"]: item for item in known if isinstance(item, Mapping) and "id" in item}
        if len(items) != len(known):
            raise InputError(_("The file cannot be changed safely"), hint=_("Add the shown lines manually."))
        return [_missing(items.get(item["id"], {}), item, patch) | {"id": item["id"]} for item in new]
    return new if patch.with_key and name in _KEY_NAMES else _NOTHING


_NOTHING = object()


def _parsed(text: str) -> Any:
    return {} if jsonc.is_empty(text) else jsonc.parse(text)


def _at(value: object, *place: str) -> Any:
    for step in place:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


# --- Files -------------------------------------------------------------------------------------------------------


def _followed(path: Path) -> Path:
    """The file itself, where `path` is a link: the link stays one."""
    try:
        file = path.resolve()
    except (OSError, RuntimeError):  # RuntimeError: links in a circle, before Python 3.13
        file = path
    if file.is_symlink() or (file.exists() and not file.is_file()):
        raise InputError(_("{path} is not a file").format(path=path))
    return file


def _read(path: Path) -> str:
    try:
        with files.reading(path) as file:
            return file.read().decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(_("Cannot read {path}: {error}").format(path=path, error=error)) from None


def _backup(path: Path) -> Path:
    """A copy beside the file under a name that is free."""
    number = 0
    while (copy := path.with_name(f"{path.name}.bak{number or ''}")).exists():
        number += 1
    files.create(copy, path.read_bytes(), mode=path.stat().st_mode & 0o777)
    return copy


def _replace(path: Path, text: str, *, private: bool) -> None:
    """Writes the whole file or nothing; what holds the key is readable by the user alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    files.write(path, text.encode(), mode=mode & 0o700 if private else mode)
