"""What annotators, human or model, are told: one file beside the notebook, from which all of them are instructed.

    name = "sentiment"
    unit = "one product review"
    instructions = "Judge what the author says of the product, not of the delivery."

    [[labels]]
    name = "positive"
    definition = "The author recommends the product or is content with it."
    boundary = ["Praise for a product that was returned is not positive."]
    examples = ["Works as promised."]

A codebook gives the part of the prompt (`{{book}}` or `str(book)`), the schema (`--schema book`), the instructions of
the label widget and the appendix of the methods text. Its version is a digest of its content. What is sent does not
depend on the language of the session: `language = "zh_CN"` in the file gives Chinese headings.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from . import files, typed
from .errors import InputError, one_line
from .language import N_, _
from .table import Table

__all__ = ["Codebook", "CodebookLabel", "codebook_version"]

_NAME = re.compile(r"[A-Za-z0-9_]{1,40}")
_VERSION = re.compile(r"[A-Za-z0-9_]{1,40}-[0-9a-f]{8}")
_HEADINGS = {
    "en": ("Unit", "Labels", "Boundary case", "Example", "Quote the passage that decides, word for word."),
    "zh_CN": ("单位", "标签", "边界情况", "示例", "逐字引用起决定作用的文字。"),
}


class CodebookLabel(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One label."""

    name: str
    definition: str = ""
    boundary: tuple[str, ...] = ()
    """Cases in which it is close, and how they are decided."""
    examples: tuple[str, ...] = ()


class Codebook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Labels with definitions, boundary cases and examples, the unit, and instructions."""

    name: str
    """Letters, digits and _."""
    labels: tuple[CodebookLabel, ...]
    unit: str = ""
    """What gets one label: a sentence, a review."""
    instructions: str = ""
    field: str = "label"
    """The field of the answer that holds the label."""
    quote: bool = False
    """Whether an answer also quotes the passage that decides."""
    language: Literal["en", "zh_CN"] = "en"

    # -- files --------------------------------------------------------------------------------------------------------

    @classmethod
    def read(cls, path: str | Path) -> Codebook:
        """The codebook in a TOML file. Raises InputError that names the fault."""
        source = files.named(path)
        try:
            with files.reading(source) as file:
                return typed.convert(tomllib.load(file), Codebook).checked()
        except OSError as error:
            why = error.strerror or str(error)
        except (ValueError, RecursionError) as error:
            why = str(error)
        raise InputError(
            _("Cannot read the codebook {file}: {error}").format(file=source.name, error=one_line(why, 150)),
            hint=_("Fix the file; a codebook has a name and [[labels]] with name and definition."),
        )

    def save(self, path: str | Path) -> Path:
        """Writes it as TOML, in the place of what was there. Raises InputError."""
        target = files.named(path)
        try:
            files.write(target, self.checked().to_toml().encode())
        except OSError as error:
            raise InputError(
                _("Cannot write {path}: {error}").format(path=target.name, error=error.strerror or str(error))
            ) from None
        return target

    def checked(self) -> Codebook:
        """This codebook. Raises InputError: no name, fewer than two labels, a label that is there twice."""
        names = [label.name for label in self.labels]
        if not _NAME.fullmatch(self.name) or not _NAME.fullmatch(self.field) or self.field == "quote":
            raise InputError(
                _("{name}: names of codebook and field consist of letters, digits and _").format(name=repr(self.name))
            )
        if len(names) < 2 or not all(names):
            raise InputError(_("A codebook needs at least two labels, each with a name"))
        if twice := [name for name in names if names.count(name) > 1]:
            raise InputError(_("The codebook has the label {name} twice").format(name=twice[0]))
        return self

    def to_toml(self) -> str:
        """As the file says it."""
        head = {name: value for name, value in msgspec.to_builtins(self).items() if name != "labels"}
        parts = ["".join(f"{name} = {_toml(value)}\n" for name, value in head.items())]
        parts += [
            "[[labels]]\n" + "".join(f"{name} = {_toml(value)}\n" for name, value in table.items())
            for table in msgspec.to_builtins(self.labels)
        ]
        return "\n".join(parts)

    # -- versions -----------------------------------------------------------------------------------------------------

    @property
    def version(self) -> str:
        """`NAME-` and 8 hex digits of its content: answers and labels are marked with it."""
        content = json.dumps(msgspec.to_builtins(self), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return f"{self.name}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"

    def diff(self, newer: Codebook) -> Table:
        """What `newer` says otherwise, part by part."""
        before, after = self._parts(), newer._parts()
        rows = [
            (name, before.get(name, ""), after.get(name, ""))
            for name in dict.fromkeys([*before, *after])
            if before.get(name) != after.get(name)
        ]
        note = _("No difference.") if not rows else ""
        return Table((_("part"), self.version, newer.version), tuple(rows), note)

    def _parts(self) -> dict[str, str]:
        parts = {name: str(getattr(self, name)) for name in ("unit", "instructions", "field", "quote", "language")}
        for label in self.labels:
            for name in ("definition", "boundary", "examples"):
                value = getattr(label, name)
                parts[f"{label.name}: {name}"] = value if isinstance(value, str) else "\n".join(value)
        return parts

    # -- what it renders ----------------------------------------------------------------------------------------------

    @property
    def values(self) -> tuple[str, ...]:
        """The names of the labels."""
        return tuple(label.name for label in self.labels)

    @property
    def definitions(self) -> dict[str, str]:
        """Definition of each label by its name."""
        return {label.name: label.definition for label in self.labels}

    def __str__(self) -> str:
        """The part of the prompt."""
        unit, labels, boundary, example, quote = _HEADINGS[self.language]
        lines = [self.instructions.strip()] if self.instructions.strip() else []
        lines += [f"{unit}: {self.unit}"] if self.unit else []
        lines += [f"{labels}:"]
        for label in self.labels:
            lines.append(f"- {label.name}: {label.definition}" if label.definition else f"- {label.name}")
            lines += [f"  {boundary}: {text}" for text in label.boundary]
            lines += [f"  {example}: {text}" for text in label.examples]
        return "\n".join([*lines, *([quote] if self.quote else [])])

    def schema(self) -> dict[str, object]:
        """JSON Schema of an answer: the label, and the quote where it is asked for."""
        properties: dict[str, object] = {"quote": {"type": "string"}} if self.quote else {}
        properties[self.field] = {"type": "string", "enum": list(self.values)}
        return {
            "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False,
        }  # fmt: skip

    def read_answer(self, value: object) -> object:
        """The plain JSON of an answer. Raises ValueError where it does not match."""
        if not isinstance(value, dict) or value.get(self.field) not in self.values:
            found = value.get(self.field) if isinstance(value, dict) else value
            raise ValueError(f"{found!r} is not one of {', '.join(self.values)} - at `$.{self.field}`")
        if self.quote and not isinstance(value.get("quote"), str):
            raise ValueError("expected a string - at `$.quote`")
        return value

    def instructions_text(self) -> str:
        """What a coder reads; as the model does."""
        return str(self)

    def appendix(self) -> str:
        """Markdown for the appendix of a paper, with the version."""
        lines = [f"## {_('Codebook')} {self.name}", "", _("Version {version}.").format(version=self.version), ""]
        if self.unit:
            lines += [f"{_('Unit')}: {self.unit}", ""]
        if self.instructions:
            lines += [self.instructions.strip(), ""]
        lines += [
            f"| {_('label')} | {_('definition')} | {_('boundary cases')} | {_('examples')} |",
            "|---|---|---|---|",
        ]
        for label in self.labels:
            cells = (label.name, label.definition, "; ".join(label.boundary), "; ".join(label.examples))
            lines.append("| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |")
        return "\n".join(lines) + "\n"

    def __repr__(self) -> str:
        return f"Codebook({self.version}: {', '.join(self.values)})"

    def _repr_html_(self) -> str:
        rows = tuple(
            (label.name, label.definition, "; ".join(label.boundary), "; ".join(label.examples))
            for label in self.labels
        )
        columns = (N_("label"), N_("definition"), N_("boundary cases"), N_("examples"))
        note = " ".join(filter(None, [self.version, self.unit, self.instructions]))
        return Table(tuple(_(name) for name in columns), rows, note)._repr_html_()


def codebook_version(parameters: Mapping[str, object]) -> str:
    """The version of the codebook whose schema a request was sent with; empty where there was none."""
    place: object = parameters.get("response_format")
    for name in ("json_schema", "name"):
        place = place.get(name) if isinstance(place, Mapping) else None
    return place if isinstance(place, str) and _VERSION.fullmatch(place) else ""


def _toml(value: object) -> str:
    # JSON's escapes are TOML's, but for DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
