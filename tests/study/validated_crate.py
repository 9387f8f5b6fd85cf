"""Validates the RO-Crate in a folder without a network and prints each issue. It patches rdflib, so it is a program."""

from __future__ import annotations

import importlib.resources
import json
import sys
from typing import Any

from rdflib.plugins.shared.jsonld import util

_NETWORK = ("ro-crate-1.1_3.1", "ro-crate-1.1_3.2")
"""Checks that fetch the JSON-LD context."""
_SHIPPED = importlib.resources.files("rocrate").joinpath("data", "ro-crate.jsonld").read_text(encoding="utf-8")
_original = util.source_to_json


def _found(source: Any, *arguments: Any, **options: Any) -> Any:
    if "w3id.org/ro/crate" in str(source):
        return json.loads(_SHIPPED), None
    return _original(source, *arguments, **options)


util.source_to_json = _found

from rocrate_validator import models, services  # noqa: E402 - it keeps the function that it finds

result = services.validate(
    services.ValidationSettings(
        rocrate_uri=sys.argv[1],
        profile_identifier="process-run-crate-0.5",
        requirement_severity=models.Severity.RECOMMENDED,
        abort_on_first=False,
        skip_checks=list(_NETWORK),
    )
)
for issue in result.get_issues():
    if issue.check.identifier not in _NETWORK:
        print(issue.severity.name, issue.check.identifier, issue.message)
