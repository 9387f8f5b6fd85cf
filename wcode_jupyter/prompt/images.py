"""Images in a prompt: figures, arrays, Pillow images, bytes and files become parts of a message.

    client.ask([Message("user", (Text("What is this?"), images.image(figure)))])

What is sent is what was given: the format is read from the content, nothing is scaled or converted unless `resize` asks
for it. Figures and arrays, which have no format yet, are written as PNG.
"""

from __future__ import annotations

import base64
import io
import re
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from .. import extras, files
from ..errors import InputError
from ..language import _
from ..request.messages import Image
from ..request.parameters import did_you_mean

__all__ = ["MOST_BYTES", "Picture", "abridged", "find_picture", "image", "is_image", "kind_of", "picture"]

MOST_BYTES = 20_000_000
"""Larger images are refused: servers do, after the upload."""


class Picture(Struct, frozen=True):
    """An image ready to be sent, and what to tell of it: format, pixels, bytes."""

    image: Image
    note: str


def image(value: Any, *, resize: int | None = None, detail: str | None = None) -> Image:
    """The message part for a figure, an array, a Pillow image, bytes, a file or an http(s) address.

    `resize`: the longest side in pixels; `detail`: OpenAI's auto, low or high. Raises InputError.
    """
    part = picture(value, "image", resize=resize).image
    return Image(part.url, detail)


def picture(value: Any, name: str, *, resize: int | None = None) -> Picture:
    """The same with a note; `name` is what errors call it. Raises InputError."""
    if isinstance(value, Path):
        value = _read(value, name)
    if isinstance(value, str):
        if _ADDRESS.match(value):
            return _remote(value, name, resize)
        value = _read(files.named(value), name)
    if (row := next((row for row in _SOURCES if row.matches(value)), None)) is None:
        raise _no_image(name, _("an object of type {type}").format(type=type(value).__name__))
    content = row.encode(value, name)
    kind = _checked(content, name)
    if resize is not None:
        content = _resized(content, kind, resize, name)
        _refuse_large(len(content), name)
    url = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return Picture(Image(url), describe(content))


def find_picture(
    text: str,
    namespace: Mapping[str, Any],
    *,
    folder: Path,
    allow_outside: bool = False,
    resize: int | None = None,
) -> Picture:
    """The picture that `--image TEXT` means: an http(s) address, a variable, or a file of `folder`.

    Files outside `folder` need `allow_outside`; links are followed before that is asked. Raises InputError.
    """
    if _ADDRESS.match(text):
        return _remote(text, text, resize)
    value = namespace.get(text, text)
    if not isinstance(value, (str, Path)):
        return picture(value, text, resize=resize)
    if isinstance(value, str) and _ADDRESS.match(value):
        return _remote(value, text, resize)
    path = folder / files.named(value)
    if not allow_outside and not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            _("{name} is outside the notebook's folder").format(name=text),
            hint=_("Use --allow-outside to send it anyway."),
        )
    if value is text and not path.exists():
        raise InputError(
            _("No variable and no file named {name}").format(name=text),
            hint=did_you_mean(text, [*_pictured(namespace), *_beside(Path(text), folder)]),
        )
    return picture(path, text, resize=resize)


def _pictured(namespace: Mapping[str, Any]) -> list[str]:
    """The variables that may hold an image."""
    return [
        name
        for name, value in namespace.items()
        if not name.startswith("_") and any(row.matches(value) for row in _SOURCES)
    ]


def _beside(path: Path, folder: Path) -> list[str]:
    """The files in the folder of `path`, spelled as it is."""
    try:
        return [str(path.with_name(file.name)) for file in (folder / path).parent.iterdir()]
    except (OSError, ValueError):
        return []


def is_image(content: bytes) -> bool:
    """Whether `content` is an image of a format that models take."""
    return kind_of(content) in _DIMENSIONS


def kind_of(content: bytes) -> str:
    """The format by the first bytes: png, jpeg, gif, webp, or the name of what models do not take; empty: unknown."""
    head = content[:512]
    return next((kind for kind, magic in _MAGIC if magic.match(head)), "")


def describe(content: bytes) -> str:
    """`PNG, 640×480, 34 kB`; without the pixels where the header is broken."""
    kind = kind_of(content)
    try:
        width, height = _DIMENSIONS[kind](content)
        pixels = f"{width}×{height}, "
    except (struct.error, IndexError, StopIteration):
        pixels = ""
    return f"{kind.upper()}, {pixels}{_size(len(content))}"


_LONG = re.compile(r"(data:image/\w+;base64,)?([A-Za-z0-9+/=]{16})[A-Za-z0-9+/=]{200,}")


def abridged(value: Any) -> Any:
    """A request's body with the images cut to their beginning and size, to be read by a person."""
    if isinstance(value, dict):
        return {key: abridged(item) for key, item in value.items()}
    if isinstance(value, list):
        return [abridged(item) for item in value]
    if isinstance(value, str) and (found := _LONG.fullmatch(value)):
        size = _size((len(value) - len(found[1] or "")) * 3 // 4)
        return f"{found[1] or ''}{found[2]}… ({size})"
    return value


# ------------------------------------------------------------------------------------------------------------ by value


class _Source(Struct, frozen=True):
    """A kind of value, and how it becomes bytes. `encode(value, name)` raises InputError."""

    matches: Callable[[Any], bool]
    encode: Callable[[Any, str], bytes]


def _is(module: str, *types: str) -> Callable[[Any], bool]:
    """Whether a value is one of `types` of the package `module`, or of a subclass: asked without importing it."""
    return lambda value: any(
        base.__name__ in types and base.__module__.partition(".")[0] == module for base in type(value).__mro__
    )


def _figure(value: Any, _name: str) -> bytes:
    figure = value if hasattr(value, "savefig") else value.figure
    buffer = io.BytesIO()
    # Without the version of matplotlib: the same figure is the same request.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


_PNG_MODES = ("1", "L", "LA", "I;16", "P", "RGB", "RGBA")
_TRANSPARENT_MODES = {"La": "LA", "PA": "RGBA", "RGBa": "RGBA"}


def _pillow(value: Any, name: str) -> bytes:
    buffer = io.BytesIO()
    if value.mode == "F" or (value.mode.startswith("I") and value.mode not in _PNG_MODES):
        # Pillow would cut its values off at 255.
        raise _no_image(name, _("a Pillow image of mode {mode}").format(mode=value.mode))
    writable = value if value.mode in _PNG_MODES else value.convert(_TRANSPARENT_MODES.get(value.mode, "RGB"))
    try:
        writable.save(buffer, format="PNG")
    except (OSError, ValueError) as error:
        raise _no_image(name, str(error)) from None
    return buffer.getvalue()


def _displayed(value: Any, name: str) -> bytes:
    if not isinstance(value.data, bytes):
        raise _no_image(name, _("a link to an image, not its content"))
    return value.data


_COLOURS = {1: 0, 3: 2, 4: 6}
"""Channels -> PNG's colour type: grey, RGB, RGBA."""


def _array(value: Any, name: str) -> bytes:
    import numpy as np

    shape = "×".join(map(str, value.shape))
    pixels = value[:, :, np.newaxis] if value.ndim == 2 else value
    if pixels.ndim != 3 or pixels.shape[2] not in _COLOURS or not pixels.size:
        raise _no_image(name, _("an array of shape {shape}: expected height×width(×1, 3 or 4)").format(shape=shape))
    if pixels.dtype.kind == "f":
        if not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
            raise _no_image(name, _("an array of floats outside 0…1"))
        pixels = np.round(pixels * 255)
    elif pixels.dtype.kind == "b":
        pixels = pixels * 255
    elif pixels.dtype.kind not in "iu" or pixels.min() < 0 or pixels.max() > 255:
        raise _no_image(name, _("an array of {type} outside 0…255").format(type=pixels.dtype))
    return _png(np.ascontiguousarray(pixels, dtype=np.uint8))


def _png(pixels: Any) -> bytes:
    """PNG of height×width×channels bytes (specification of the format, 3rd edition)."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOURS[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


_SOURCES = (
    _Source(lambda value: isinstance(value, (bytes, bytearray, memoryview)), lambda value, _name: bytes(value)),
    _Source(_is("matplotlib", "Figure", "SubFigure", "Axes"), _figure),
    _Source(_is("PIL", "Image"), _pillow),
    _Source(_is("numpy", "ndarray"), _array),
    _Source(_is("IPython", "Image"), _displayed),
)


# ---------------------------------------------------------------------------------------------------- files, addresses

_ADDRESS = re.compile(r"https?://|data:image/", re.IGNORECASE)


def _remote(url: str, name: str, resize: int | None) -> Picture:
    """An address, sent as it is: the server fetches it. A `data:` address is checked like any other content."""
    if url.lower().startswith("data:"):
        try:
            content = base64.b64decode(url.partition(",")[2], validate=True)
        except ValueError:
            raise _no_image(name[:40], _("an invalid data URL")) from None
        return picture(content, "data", resize=resize)
    if resize is not None:
        raise InputError(_("An image from a URL cannot be resized"), hint=_("Download it first."))
    return Picture(Image(url), _("the server fetches it"))


def _read(path: Path, name: str) -> bytes:
    try:
        _refuse_large(path.stat().st_size, name)
        with files.reading(path) as file:
            return file.read()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(_("Cannot read the image {name}: {why}").format(name=name, why=why)) from None


# ----------------------------------------------------------------------------------------------------------- by content

_MAGIC = tuple(
    (kind, re.compile(pattern, re.DOTALL | re.IGNORECASE))
    for kind, pattern in {
        "png": rb"\x89PNG\r\n\x1a\n",
        "jpeg": rb"\xff\xd8\xff",
        "gif": rb"GIF8[79]a",
        "webp": rb"RIFF....WEBP",
        "BMP": rb"BM....\0\0\0\0",
        "TIFF": rb"II\*\0|MM\0\*",
        "HEIC": rb"....ftyp(?:hei|hev|mif|msf)",
        "AVIF": rb"....ftypavi",
        "PDF": rb"%PDF-",
        "SVG": rb"\s*(?:<\?xml.*)?<svg",
        "HTML": rb"\s*<(?:!doctype html|html)",
    }.items()
)


def _checked(content: bytes, name: str) -> str:
    """The format of `content`. Raises InputError: not an image that models take, or too large."""
    _refuse_large(len(content), name)
    kind = kind_of(content)
    if kind not in _DIMENSIONS:
        raise _no_image(name, kind or _("of an unknown format"))
    return kind


def _no_image(name: str, what: str) -> InputError:
    return InputError(
        _("{name} is not an image that can be sent: {what}").format(name=name, what=what),
        hint=_("PNG, JPEG, GIF, WebP, a matplotlib figure, a Pillow image or an array of pixels."),
    )


def _refuse_large(size: int, name: str) -> None:
    if size > MOST_BYTES:
        raise InputError(
            _("{name} has {size}; the maximum is {most}").format(name=name, size=_size(size), most=_size(MOST_BYTES)),
            hint=_("Use a smaller image."),
        )


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1000))} kB"


def _png_size(content: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", content, 16)
    return width, height


def _gif_size(content: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", content, 6)
    return width, height


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """From the frame header: the first marker SOF0…SOF15 that is none of DHT, JPG and DAC."""
    position = 2
    while True:
        _ff, marker, length = struct.unpack_from(">BBH", content, position)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, position + 5)
            return width, height
        position += 2 + length


def _webp_size(content: bytes) -> tuple[int, int]:
    """From the first chunk: lossy, lossless or extended (specification of the container)."""
    kind = content[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", content, 26))
    return width, height


_DIMENSIONS: dict[str, Callable[[bytes], tuple[int, int]]] = {
    "png": _png_size,
    "jpeg": _jpeg_size,
    "gif": _gif_size,
    "webp": _webp_size,
}
"""Format that models take -> width and height from its header."""


def _resized(content: bytes, kind: str, longest: int, name: str) -> bytes:
    """`content` with its longest side at most `longest`, in its own format; as it is where it is small enough."""
    pillow = extras.load("PIL.Image", extra="images", package="Pillow")
    try:
        with pillow.open(io.BytesIO(content)) as opened:
            if max(opened.size) <= longest:
                return content
            opened.thumbnail((longest, longest))
            buffer = io.BytesIO()
            opened.save(buffer, format=kind.upper())
            return buffer.getvalue()
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        raise _no_image(name, str(error)) from None
