"""RO-Crate metadata of a study's package: RO-Crate 1.1 with the profile Process Run Crate 0.5.

Each model and source of answers is an action: the model is its instrument, the notebook what it worked on, the file of
answers its result. Sources: https://w3id.org/ro/crate/1.1 and https://w3id.org/ro/wfrun/process/0.5.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from msgspec import Struct

from ..request.messages import GATEWAY, LOCAL
from ..session.account import MethodsRow, server
from .methods import Study

__all__ = ["METADATA", "Maker", "metadata"]

METADATA = "ro-crate-metadata.json"
_SPEC = "https://w3id.org/ro/crate/1.1"
_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_TYPES = {
    ".ipynb": "application/x-ipynb+json",
    ".jsonl": "application/jsonl",
    ".json": "application/json",
    ".md": "text/markdown",
    ".txt": "text/plain",
    ".csv": "text/csv",
    ".toml": "application/toml",
}
_NOT_STATED = "Not stated"

_Entity = dict[str, object]


class Maker(Struct, frozen=True, kw_only=True):
    """Who made the study, and under which licence it is given on; what is not known is "Not stated"."""

    author: str = _NOT_STATED
    affiliation: str = _NOT_STATED
    affiliation_url: str = ""
    license: str = _NOT_STATED
    """An SPDX identifier."""


def metadata(name: str, files: Mapping[str, bytes], study: Study, maker: Maker, made: datetime.datetime) -> bytes:
    """The JSON-LD of a package with these files, by name."""
    license_ = _license(maker)
    actions, models = _actions(files, study, made)
    entities: list[_Entity] = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "conformsTo": {"@id": _SPEC},
            "about": {"@id": "./"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": name,
            "description": " ".join(study.sentences()) or "A study with language models.",
            "datePublished": made.isoformat(),
            "license": _reference(license_),
            "conformsTo": {"@id": _PROFILE},
            "author": {"@id": "#author"},
            "publisher": {"@id": "#affiliation"},
            "hasPart": _references([{"@id": quote(file)} for file in files]),
            **({"mentions": _references(actions)} if actions else {}),
        },
        {"@id": _PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"},
        license_,
        {"@id": "#author", "@type": "Person", "name": maker.author, "affiliation": {"@id": "#affiliation"}},
        {
            "@id": "#affiliation",
            "@type": "Organization",
            "name": maker.affiliation,
            "url": maker.affiliation_url or "about:blank",
        },
        *(_file(file, data) for file, data in files.items()),
        *models,
        *actions,
    ]
    crate = {"@context": f"{_SPEC}/context", "@graph": entities}
    return json.dumps(crate, indent=2, ensure_ascii=False).encode() + b"\n"


def _reference(entity: _Entity) -> _Entity:
    return {"@id": entity["@id"]}


def _references(entities: Sequence[_Entity]) -> object:
    """References to entities: a single one is no list, as the specification recommends."""
    found = [_reference(entity) for entity in entities]
    return found[0] if len(found) == 1 else found


def _license(maker: Maker) -> _Entity:
    known = maker.license != _NOT_STATED
    identifier = f"https://spdx.org/licenses/{quote(maker.license)}" if known else "#license"
    description = "See the identifier." if known else "No licence was stated: all rights are reserved."
    return {"@id": identifier, "@type": "CreativeWork", "name": maker.license, "description": description}


def _file(name: str, data: bytes) -> _Entity:
    suffix = name[name.rfind(".") :]
    return {
        "@id": quote(name),
        "@type": "File",
        "name": name,
        "encodingFormat": _TYPES.get(suffix, "application/octet-stream"),
        "contentSize": str(len(data)),
    }


def _actions(files: Mapping[str, bytes], study: Study, made: datetime.datetime) -> tuple[list[_Entity], list[_Entity]]:
    """One action for each model and file of answers, and the models."""
    notebooks: list[_Entity] = [{"@id": quote(name)} for name in files if name.endswith(".ipynb")]
    actions: list[_Entity] = []
    models: dict[str, _Entity] = {}
    for source, account in study.by_source:
        if source.name not in files:
            continue
        for row in account.rows:
            model = _model(row)
            models[str(model["@id"])] = model
            actions.append(
                {
                    "@id": f"#action-{len(actions) + 1}",
                    "@type": "CreateAction",
                    "name": f"{row.model} answers {row.n} requests of {source.name}",
                    "description": f"{row.n} requests, {row.failures} failed; {source.place}",
                    "instrument": {"@id": model["@id"]},
                    **({"object": _references(notebooks)} if notebooks else {}),
                    "result": {"@id": quote(source.name)},
                    "agent": {"@id": "#author"},
                    "startTime": str(row.first or made.date()),
                    "endTime": str(row.last or made.date()),
                    "actionStatus": "http://schema.org/CompletedActionStatus",
                }
            )
    return actions, list(models.values())


def _model(row: MethodsRow) -> _Entity:
    places = {GATEWAY: "https://wcode.net/", LOCAL: "http://127.0.0.1/"}
    place = places.get(row.endpoint, row.endpoint.rstrip("/") + "/")
    versions = [*row.answered, *row.system_fingerprints]
    return {
        "@id": f"{place}{quote(row.model)}",
        "@type": "SoftwareApplication",
        "name": f"{row.model} at {server(row)}",
        "softwareVersion": ", ".join(versions) or row.model,
        "url": place,
    }
