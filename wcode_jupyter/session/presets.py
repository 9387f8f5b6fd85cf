"""Named presets: settings and parameters that a user keeps under a name, for all notebooks.

They stand in `presets.toml` in the user's configuration folder, a file for people:

    [careful]
    model = "glm-5"
    temperature = 0.2
    stop = ["END"]

A preset gives values where the cell gives none, and wins over the session. It never holds a key.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import platformdirs

from .. import files
from ..errors import InputError, ParameterError
from ..language import _
from ..request.parameters import check_row, did_you_mean, parse
from ..request.settings import find_row

__all__ = ["Presets", "presets_file"]

_NAME = re.compile(r"[\w][\w.-]{0,63}")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def presets_file() -> Path:
    """Where the user's presets stand."""
    return Path(platformdirs.user_config_dir("wcode_jupyter", appauthor=False)) / "presets.toml"


class Presets:
    """The presets in one file, read at each use: another notebook may have changed them.

    `is_secret(text)` tells what must not be written.
    """

    def __init__(self, path: Path | None = None, *, is_secret: Callable[[str], bool] = lambda text: False) -> None:
        self.path = path or presets_file()
        self._is_secret = is_secret

    def names(self) -> list[str]:
        """All names in the order of the file. Raises InputError when the file cannot be read."""
        return list(self._read())

    def load(self, name: str) -> dict[str, object]:
        """The checked values of `name`. Raises InputError: no such preset, a bad value, an unreadable file."""
        tables = self._read()
        if name not in tables:
            hint = did_you_mean(name, tables) or _("%wcode preset list shows them.")
            raise InputError(_("Preset not found: {name}").format(name=name), hint=hint)
        return {row_name: self._checked(name, row_name, value) for row_name, value in tables[name].items()}

    def save(self, name: str, values: Mapping[str, object]) -> None:
        """Keeps `values` under `name`, in the place of what was there.

        Raises InputError: a name that is none, nothing to keep, a value that holds a key, a file not to be written.
        """
        if not _NAME.fullmatch(name):
            raise InputError(_("{name}: a preset name consists of letters, digits, _, - and .").format(name=repr(name)))
        if not values:
            raise InputError(_("Nothing to save: no model, setting or parameter is set"))
        checked = {row_name: self._checked(name, row_name, value) for row_name, value in values.items()}
        if self._is_secret(json.dumps(checked, ensure_ascii=False)):
            raise InputError(_("The values contain an API key and are not saved"))
        self._write({**self._read(), name: checked})

    def delete(self, name: str) -> bool:
        """Forgets `name`; False when there was none."""
        tables = self._read()
        found = tables.pop(name, None) is not None
        if found:
            self._write(tables)
        return found

    def _checked(self, name: str, row_name: str, value: object) -> object:
        try:
            row = find_row(row_name)
            return parse(row, value) if isinstance(value, str) else check_row(row, value)
        except ParameterError as error:
            raise InputError(_("Preset {name}: {error}").format(name=name, error=error)) from None

    def _read(self) -> dict[str, dict[str, object]]:
        try:
            with files.reading(self.path) as file:
                tables = tomllib.load(file)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise InputError(_("Cannot read {path}: {error}").format(path=self.path, error=error)) from None
        if not all(isinstance(table, dict) for table in tables.values()):
            raise InputError(_("{path}: expected tables of the form [name]").format(path=self.path))
        return tables

    def _write(self, tables: Mapping[str, Mapping[str, object]]) -> None:
        text = "\n".join(_table(name, values) for name, values in tables.items())
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            files.write(Path(os.path.realpath(self.path)), text.encode(), mode=0o600)
        except OSError as error:
            raise InputError(_("Cannot write {path}: {error}").format(path=self.path, error=error)) from None


def _table(name: str, values: Mapping[str, object]) -> str:
    return f"[{_key(name)}]\n" + "".join(f"{_key(row_name)} = {_toml(value)}\n" for row_name, value in values.items())


def _toml(value: object) -> str:
    """A JSON value as TOML; what TOML lacks (null) as JSON in a text, which reads back as the same value."""
    if _holds_null(value):
        return _text(json.dumps(value, ensure_ascii=False))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(name)} = {_toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _holds_null(value: object) -> bool:
    if isinstance(value, (dict, list)):
        return any(map(_holds_null, value.values() if isinstance(value, dict) else value))
    return value is None


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    # JSON's escapes are TOML's; only DEL may stand in JSON and not in TOML.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
