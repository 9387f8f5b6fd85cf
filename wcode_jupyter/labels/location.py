"""Location of the labels file: beside the notebook; where nobody knows that, beside the run file."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from ..language import _
from ..store.location import notebook_path

__all__ = ["LABELS_SUFFIX", "labels_path"]

LABELS_SUFFIX = ".labels.jsonl"


def labels_path(run_file: Path | None, notebook: str | None = None) -> Path:
    """`<notebook>.labels.jsonl`; in a headless run that knows no notebook the only labels file of the folder.

    Raises InputError: the folder has several.
    """
    if (known := notebook_path(notebook)) is not None:
        return known.with_name(known.stem + LABELS_SUFFIX)
    folder = Path() if run_file is None else run_file.parent
    own = folder / f"wcode{LABELS_SUFFIX}"
    found = sorted(folder.glob(f"*{LABELS_SUFFIX}"))
    if not found or own in found:
        return own
    if len(found) > 1:
        raise InputError(
            _("The folder has several labels files: {names}").format(names=", ".join(path.name for path in found[:3])),
            hint=_("Choose one with file=."),
        )
    return found[0]
