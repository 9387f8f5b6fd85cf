"""Records the notebooks of the repository: `python -m tests.record_notebooks [NAME …] [--outputs]`

    python -m tests.record_notebooks 03_templates      # records that notebook (a part of its name will do)
    python -m tests.record_notebooks                   # records all
    python -m tests.record_notebooks 03 --outputs      # only runs it again from its record: after text, display or
                                                       # cells that ask nothing were changed; needs no model

What it does, in a copy of `notebooks/`, so that a failure changes nothing here:

1. runs the notebook from top to bottom in mode `record`, with the embedded model, no key, English texts, an empty log
   and empty settings. Its answers become `NAME.replay.jsonl` (none when it asks nothing);
2. runs it again in mode `replay` without network and without the embedded model, and saves the outputs of this run.

`tests/test_notebooks.py` then runs it the same way by `pytest --nbval` and compares every output. So write cells whose
output is the same each time: no time, no version, no path, no temporary name. Tags for the others:

    raises-exception        the cell is meant to fail; the error is compared
    nbval-ignore-output     the cell runs, its output may differ
    nbval-skip              the cell runs in step 1 only (it needs the model: audit, `%wcode local`); later cells must
                            not need it

A cell that waits for input cannot run. Files that a cell writes stay in the copy.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from .environment import ROOT, isolated

__all__ = ["NOTEBOOKS", "environment", "execute", "sidecar"]

NOTEBOOKS = ROOT / "notebooks"
_OFFLINE = ROOT / "tests" / "offline"
_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def sidecar(notebook: Path) -> Path:
    """Where the answers of `notebook` are recorded."""
    return notebook.with_suffix(".replay.jsonl")


def environment(folder: Path, notebook: Path, mode: str) -> dict[str, str]:
    """The environment in which `notebook` runs in a replay mode, its settings and log below `folder`.

    In mode `replay` there is neither network nor embedded model: see `tests/offline`.
    """
    own = {"WCODE_LANG": "en", "WCODE_REPLAY": mode, "WCODE_REPLAY_FILE": sidecar(notebook).name}
    clean = isolated(folder)
    if mode == "replay":
        own["PYTHONPATH"] = os.pathsep.join([str(_OFFLINE), clean["PYTHONPATH"]])
        own["XDG_CACHE_HOME"] = str(folder / "cache")
    return clean | own


def execute(path: Path, mode: str) -> None:
    """Runs the notebook `path` in its folder and saves its outputs. Raises CellExecutionError."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=900,
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,  # as JupyterLab saves them, whatever the kernel's moments of flushing
            skip_cells_with_tag="nbval-skip" if mode == "replay" else "skip-execution",
            resources={"metadata": {"path": str(path.parent)}},
        ).execute(env=environment(Path(folder), path, mode))
    notebook.metadata.update(_METADATA)
    nbformat.write(notebook, path)


def record(name: str, *, outputs_only: bool = False) -> None:
    """Records the notebook `name` and saves its replayed outputs; `outputs_only` leaves the record as it is."""
    with copied() as folder:
        path = folder / name
        if not outputs_only:
            sidecar(path).unlink(missing_ok=True)
            execute(path, "record")
        execute(path, "replay")
        for made in (path, sidecar(path)):
            if made.exists():
                shutil.copyfile(made, NOTEBOOKS / made.name)
        if not sidecar(path).exists():
            sidecar(NOTEBOOKS / name).unlink(missing_ok=True)


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of the folder of notebooks, under its own name."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(shutil.copytree(NOTEBOOKS, Path(folder, NOTEBOOKS.name)))


def main(arguments: list[str]) -> int:
    """Records what `arguments` name; 1 when a name fits nothing."""
    parser = argparse.ArgumentParser(prog="python -m tests.record_notebooks")
    parser.add_argument("names", nargs="*", help="part of a notebook's name; none: all")
    parser.add_argument("--outputs", action="store_true", help="only run again from the record")
    asked = parser.parse_args(arguments)
    found = [
        path.name
        for path in sorted(NOTEBOOKS.glob("*.ipynb"))
        if not asked.names or any(name in path.name for name in asked.names)
    ]
    for name in found:
        print(name, flush=True)
        record(name, outputs_only=asked.outputs)
    if not found:
        print(f"no notebook is named {' or '.join(asked.names)}", file=sys.stderr)
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
