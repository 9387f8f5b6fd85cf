"""Record and replay in a real JupyterLab: the file stands beside the notebook, and a second run saves the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.fault_server import FaultServer, chat, status
from tests.lab import Lab


def saved(document: dict[str, Any]) -> list[Any]:
    """The outputs of each cell without what may differ: `replayed`, and the number of the cell's run."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(item) for name, item in value.items() if name not in ("replayed", "execution_count")}
        return [plain(item) for item in value] if isinstance(value, list) else value

    return [plain(cell["outputs"]) for cell in document["cells"]]


def test_a_notebook_is_recorded_beside_itself_and_replays(lab: Lab) -> None:
    """`%wcode replay auto` finds the notebook's name; a second run of all cells asks nothing and saves the same."""
    with FaultServer(chat("# Title\n\n* one\n", "* two\n"), status(500)) as server:
        cells = [
            "%load_ext wcode_jupyter",
            f"%wcode set model=m base_url={server.base_url}",
            "%wcode replay auto",
            "%%wcode -o reply\nhi",
            "print(reply)",
        ]
        page = lab.notebook(cells, "研究 one.ipynb")
        page.run_all()
        assert page.text(2) == "Replaying from 研究 one.replay.jsonl; missing answers are requested and recorded."
        live = page.save()
        file: Path = lab.folder / "研究 one.replay.jsonl"
        assert file.read_bytes().count(b"\n") == 1
    page.restart()
    page.run_all()
    again = page.save()
    assert saved(again) == saved(live)
    assert again["cells"][3]["outputs"][0]["metadata"]["wcode"]["replayed"]
    assert len(server.requests) == 1
    assert page.errors() == []
