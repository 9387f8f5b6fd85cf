"""A cell is prepared once."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

import pytest

from wcode_jupyter import Client
from wcode_jupyter.magics import prepared
from wcode_jupyter.magics.options import parse_cell_line
from wcode_jupyter.session import Session


class Shell:
    """The part of IPython's shell that preparing reads."""

    user_ns: ClassVar[dict[str, Any]] = {}


def test_schema_tools_and_settings_are_each_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look-up of the settings, one schema, one list of tools for a cell."""
    counted: Counter[str] = Counter()

    def counting(name: str, function: Any) -> Any:
        def counted_function(*args: Any, **named: Any) -> Any:
            counted[name] += 1
            return function(*args, **named)

        return counted_function

    monkeypatch.setattr(Session, "values", counting("values", Session.values))
    monkeypatch.setattr(prepared, "schema_of", counting("schema", prepared.schema_of))
    monkeypatch.setattr(prepared, "tools_named", counting("tools", prepared.tools_named))
    with Client(model="m") as client:
        counted.clear()
        options = parse_cell_line("--schema 'label, sure bool' --temperature 0.2 --system 'Be brief'")
        result = prepared.prepare(Shell(), client, options, "hi\n")
    assert counted == {"values": 1, "schema": 1, "tools": 1}
    assert result.format == "json"
    assert result.call.request.parameters["temperature"] == 0.2
    assert [message.text for message in result.call.request.messages] == ["Be brief", "hi"]
