"""A cell with `--image`, or with an image among its references."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import InputError, OptionError, one_line
from ..language import _
from ..prompt.images import find_picture
from ..prompt.template import Expansion
from ..request.messages import Part, Text
from .options import CellLine

__all__ = ["with_images", "without_images"]


def with_images(
    content: str | tuple[Part, ...], options: CellLine, namespace: Mapping[str, object], folder: Path, notes: list[str]
) -> str | tuple[Part, ...]:
    """`content` followed by the images of `--image`; their formats and sizes join `notes`. Raises InputError."""
    names = options.own.get("image", ())
    if not names:
        for option in ("resize", "allow_outside"):
            if option in options.own:
                raise OptionError(_("{option} needs --image").format(option="--" + option.replace("_", "-")))
        return content
    found = [
        find_picture(
            name, namespace, folder=folder, allow_outside=options.flag("allow_outside"), resize=_longest(options)
        )
        for name in names
    ]
    notes += [f"{one_line(name, 60)}: {picture.note}" for name, picture in zip(names, found, strict=True)]
    parts = (Text(content),) * bool(content.strip()) if isinstance(content, str) else content
    return (*parts, *(picture.image for picture in found))


def without_images(expanded: Expansion) -> str:
    """The text of a system prompt. Raises InputError where an image stands in it."""
    if expanded.parts:
        raise InputError(_("A system prompt cannot contain an image"), hint=_("Move it into the prompt."))
    return expanded.text


def _longest(options: CellLine) -> int | None:
    if (text := options.own.get("resize")) is None:
        return None
    if not text.isdecimal() or not 16 <= int(text) <= 20_000:
        raise OptionError(_("--resize must be 16…20000 pixels, got {text}").format(text=text))
    return int(text)
