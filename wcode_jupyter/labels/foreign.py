"""Labels made elsewhere: a table, a dict by row key, CSV, and the JSON of Potato and Label Studio.

The form is recognised by what is in it. Whatever is there more than the label of a row by a coder is left out.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ..errors import InputError, one_line
from ..files import named, reading
from ..language import _
from ..request.parameters import did_you_mean
from .mark import Mark, Value
from .rows import key_of, key_text

__all__ = ["marks_from"]

_ROW_NAMES = ("row", "key", "id", "instance_id")
_VALUE_NAMES = ("label", "value", "gold", "annotation")
_CODER_NAMES = ("coder", "annotator", "user_id", "user")
_MOST = 200_000_000
"""Bytes of a file."""

Record = Mapping[str, object]


def marks_from(source: object, field: str, row: str | None, value: str | None, coder: str) -> list[Mark]:
    """The labels of a file, a DataFrame, a Series, a list of dicts or a dict by row key: see `Labels.read`."""
    records = _records_of_file(named(source)) if isinstance(source, (str, Path)) else _records(source)
    if not records:
        raise InputError(_("There are no labels in {source}").format(source=_name(source)))
    marks = list(_marks(records, field, row, value, coder))
    _check_single(marks)
    return marks


def _name(source: object) -> str:
    return Path(source).name if isinstance(source, (str, Path)) else type(source).__name__


# -- to records --------------------------------------------------------------------------------------------------------


def _records_of_file(path: Path) -> list[Record]:
    try:
        with reading(path) as file:
            data = file.read(_MOST + 1)
        if len(data) > _MOST:
            raise ValueError(_("the file is too large"))
        text = data.decode("utf-8-sig")
        if path.suffix in (".csv", ".tsv"):
            return list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if path.suffix == ".tsv" else ","))
        return _json_records(text)
    except OSError as error:
        why = error.strerror or str(error)
    except (ValueError, RecursionError, csv.Error) as error:
        why = str(error)
    raise InputError(
        _("Cannot read labels from {file}: {error}").format(file=path.name, error=one_line(why, 120)),
        hint=_("Supported: CSV, a labels file, JSON and JSONL of Potato and Label Studio."),
    )


def _json_records(text: str) -> list[Record]:
    if text.lstrip()[:1] == "[":
        return _dicts(json.loads(text))
    found: list[Record] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                found += _dicts([json.loads(line)])
            except ValueError as error:
                raise ValueError(_("line {line}: {error}").format(line=number, error=error)) from None
    return found


def _dicts(values: object) -> list[Record]:
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise ValueError(_("expected JSON objects"))
    return values


def _records(source: object) -> list[Record]:
    if isinstance(source, Mapping):
        return [{"row": key, "label": value} for key, value in source.items()]
    to_dict = getattr(source, "to_dict", None)
    if callable(to_dict) and hasattr(source, "columns"):
        found = to_dict("records")
        return found if isinstance(found, list) else []
    if callable(to_dict):
        return _records(to_dict())
    if isinstance(source, Iterable) and not isinstance(source, (str, bytes)):
        values = list(source)
        if all(isinstance(value, Mapping) for value in values):
            return values
    raise InputError(
        _("Cannot read labels from an object of type {type}").format(type=type(source).__name__),
        hint=_("Pass a file, a DataFrame, a list of dicts or a dict by row key."),
    )


# -- to marks ----------------------------------------------------------------------------------------------------------


def _marks(records: Sequence[Record], field: str, row: str | None, value: str | None, coder: str) -> Iterator[Mark]:
    first = records[0]
    if "label_annotations" in first:
        for record in records:
            yield from _of_potato(record, field, row)
    elif isinstance(first.get("annotations"), list) and "data" in first:
        for record in records:
            yield from _of_label_studio(record, field, row)
    else:
        yield from _of_table(records, field, row, value, coder)


def _of_table(records: Sequence[Record], field: str, row: str | None, value: str | None, coder: str) -> Iterator[Mark]:
    names = list(dict.fromkeys(name for record in records for name in record))
    key = _column(names, row, _ROW_NAMES, "row")
    given = _column(names, value, (field, *_VALUE_NAMES), "value")
    who = coder if coder in names else "" if coder else next((name for name in _CODER_NAMES if name in names), "")
    for record in records:
        if (found := _plain(record.get(given))) is not None:
            name = str(record.get(who) or "") if who else coder
            yield Mark(field=field, row=key_of(record.get(key)), coder=name or "A", value=found)


def _column(names: Sequence[str], asked: str | None, usual: Sequence[str], parameter: str) -> str:
    found = asked if asked in names else None if asked else next((name for name in usual if name in names), None)
    if found is None:
        raise InputError(
            _("The labels have no column {name}").format(name=asked or "/".join(filter(None, usual))),
            hint=did_you_mean(asked or "", names)
            or _("Pass {parameter}= with one of {names}.").format(parameter=parameter, names=", ".join(names)),
        )
    return found


def _plain(value: object) -> Value | None:
    item = getattr(value, "item", None)  # numpy scalars
    if callable(item) and getattr(value, "shape", None) == ():
        value = item()
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, float) and value != value:
        return None
    return value if isinstance(value, (bool, int, float)) else None


def _of_potato(record: Record, field: str, row: str | None) -> Iterator[Mark]:
    """A line of `annotated_instances.jsonl`: by scheme, each chosen option with its value."""
    schemes = record.get("label_annotations")
    if not isinstance(schemes, dict) or not schemes:
        return
    name = _choice(field, list(schemes))
    chosen = schemes.get(name)
    key = next((record[part] for part in (row, "instance_id", "id") if part and part in record), None)
    coder = str(record.get("user_id") or record.get("user") or "A")
    options = (
        {k: v for k, v in chosen.items() if v not in (None, "", False, "false")} if isinstance(chosen, dict) else {}
    )
    if not options:
        return
    if len(options) > 1:
        raise InputError(
            _("Row {row} has several labels: {names}").format(row=key, names=", ".join(map(str, options))),
            hint=_("Use a scheme with one choice."),
        )
    ((option, given),) = options.items()
    written = option in ("text_box", "textbox", "free_response", "slider", "number")
    if (value := _plain(given) if written else option) is not None:
        yield Mark(field=field, row=key_of(key), coder=coder, value=value)


def _of_label_studio(record: Record, field: str, row: str | None) -> Iterator[Mark]:
    """A task of the JSON export: the first annotation result of the tag, by each annotator."""
    data, annotations = record.get("data"), record.get("annotations")
    data = data if isinstance(data, dict) else {}
    key = next((data[name] for name in (row, *_ROW_NAMES) if name and name in data), record.get("id"))
    for annotation in annotations if isinstance(annotations, list) else ():
        if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
            continue
        results = [one for one in annotation.get("result") or () if isinstance(one, dict) and "from_name" in one]
        if not results:
            continue
        name = _choice(field, list(dict.fromkeys(str(one["from_name"]) for one in results)))
        value = next(
            (found for one in results if one["from_name"] == name and (found := _result(one)) is not None), None
        )
        if value is not None:
            time = annotation.get("lead_time")
            yield Mark(
                field=field, row=key_of(key), coder=_annotator(annotation.get("completed_by")), value=value,
                seconds=float(time) if isinstance(time, (int, float)) else None,
            )  # fmt: skip


def _result(result: Record) -> Value | None:
    value = result.get("value")
    for name in ("choices", "rating", "number", "text"):
        found = value.get(name) if isinstance(value, dict) else None
        if isinstance(found, list):
            found = found[0] if len(found) == 1 else None
        if found is not None:
            return _plain(found)
    return None


def _annotator(who: object) -> str:
    if isinstance(who, dict):
        who = who.get("email") or who.get("id")
    return str(who or "A")


def _choice(field: str, names: Sequence[str]) -> str:
    if field in names:
        return field
    if len(names) == 1:
        return names[0]
    raise InputError(
        _("The labels have several fields: {names}").format(names=", ".join(names)), hint=_("Choose one with field=.")
    )


def _check_single(marks: Sequence[Mark]) -> None:
    """Two labels of one coder for a row: which of them holds cannot be told."""
    if not marks:
        raise InputError(_("No row has a label"))
    seen: set[tuple[str, str]] = set()
    for mark in marks:
        place = (mark.coder, key_text(mark.row))
        if place in seen:
            raise InputError(
                _("{coder} labels row {row} twice").format(coder=mark.coder, row=mark.row),
                hint=_("Keep one label per row and coder, or pass coder= with the column of coders."),
            )
        seen.add(place)
