"""Promises of images: told by their content, sent as they are, refused before anything leaves the machine."""

from __future__ import annotations

import base64
import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.fault_server import FaultServer, chat
from tests.kernels import Kernel
from wcode_jupyter import Client
from wcode_jupyter.errors import InputError
from wcode_jupyter.prompt import images
from wcode_jupyter.prompt.images import abridged, describe, find_picture, image, is_image
from wcode_jupyter.prompt.template import expand
from wcode_jupyter.request.messages import Image, Message, Text
from wcode_jupyter.session import Session

# Written by hand: 2×1 pixels, red and blue.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAAD0lEQVR4nGP4z8AARGAIABH2Af9Yqj8TAAAAAElFTkSuQmCC"
)
GIF = b"GIF89a\x03\x00\x05\x00\x80\x00\x00" + b"\0" * 20
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\0" + b"\0" * 9 + b"\xff\xc0\x00\x11\x08\x00\x07\x00\x09\x03" + b"\0" * 12
WEBP = {
    b"VP8X": b"\0\0\0\0\0\0\0\0" + (99).to_bytes(3, "little") + (49).to_bytes(3, "little"),
    b"VP8L": b"\0\0\0\0\x2f" + struct.pack("<I", 99 | 49 << 14),
    b"VP8 ": b"\0\0\0\0\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 100, 50),
}
BLIND = "glm-5"
SEEING = "qwen3.6-plus"


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WCODE_LANG", "en")


def content(part: Image) -> bytes:
    return base64.b64decode(part.url.partition(",")[2])


# -- by content -------------------------------------------------------------------------------------------------------


def test_the_format_is_read_from_the_content_never_from_the_name(tmp_path: Path) -> None:
    """A PNG named `.jpg` is a PNG, byte for byte as it is in the file."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(PNG)
    assert (
        image(path)
        == image(str(path))
        == image(PNG)
        == Image("data:image/png;base64," + base64.b64encode(PNG).decode())
    )
    assert image(PNG, detail="low").detail == "low"


@pytest.mark.parametrize(
    ("data", "described"),
    [
        (PNG, "PNG, 2×1, 1 kB"),
        (GIF, "GIF, 3×5, 1 kB"),
        (JPEG, "JPEG, 9×7, 1 kB"),
        *[(b"RIFF\0\0\0\0WEBP" + kind + rest, "WEBP, 100×50, 1 kB") for kind, rest in WEBP.items()],
        (PNG[:18], "PNG, 1 kB"),
        (JPEG[:8], "JPEG, 1 kB"),
    ],
)
def test_pixels_and_size_are_told(data: bytes, described: str) -> None:
    """From the headers of the four formats; a broken header costs the pixels only."""
    assert describe(data) == described


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7", "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"<?xml version='1.0'?>\n<svg/>", "SVG"),
        (b"<!DOCTYPE html>", "HTML"),
        (b"II*\0....", "TIFF"),
        (b"BM" + b"\1\2\3\4\0\0\0\0", "BMP"),
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"\0\0\0\x18ftypavif", "AVIF"),
        (b"hello", "unknown format"),
        (b"", "unknown format"),
    ],
)
def test_other_content_is_refused_by_its_name(data: bytes, words: str) -> None:
    """What models do not take is said to be what it is; the four formats are named."""
    assert not is_image(data)
    with pytest.raises(InputError, match=words) as caught:
        image(data)
    assert "PNG, JPEG, GIF, WebP" in caught.value.hint


def test_an_image_of_50_mb_is_refused_with_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is read from a file, and whatever it is made of."""
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    monkeypatch.setattr(Path, "read_bytes", lambda _path: pytest.fail("the file was read"))
    for value in (path, PNG + bytes(50_000_000 - len(PNG))):
        with pytest.raises(InputError, match=r"has 50\.0 MB; the maximum is 20\.0 MB"):
            image(value)


# -- by value ---------------------------------------------------------------------------------------------------------


def unpacked(png: bytes) -> tuple[tuple[int, ...], bytes]:
    """Header fields and pixel rows of a PNG that has one IDAT chunk."""
    length = struct.unpack_from(">I", png, 33)[0]
    assert png[37:41] == b"IDAT"
    assert zlib.crc32(png[37 : 41 + length]) == struct.unpack_from(">I", png, 41 + length)[0]
    return struct.unpack_from(">IIBB", png, 16), zlib.decompress(png[41 : 41 + length])


def test_an_array_becomes_a_png_of_its_pixels() -> None:
    """Grey, RGB and RGBA; floats 0…1, bools and integers 0…255. Written by hand from the format's specification."""
    np = pytest.importorskip("numpy")
    red_blue = np.array([[[255, 0, 0], [0, 0, 255]]], dtype=np.uint8)
    expected = ((2, 1, 8, 2), b"\0\xff\0\0\0\0\xff")
    assert unpacked(content(image(red_blue))) == expected
    assert unpacked(content(image(red_blue.astype(np.int64)))) == expected
    assert unpacked(content(image(red_blue / 255))) == expected
    assert unpacked(content(image(np.array([[True, False]])))) == ((2, 1, 8, 0), b"\0\xff\0")
    assert unpacked(content(image(np.zeros((1, 1, 4)))))[0] == (1, 1, 8, 6)


@pytest.mark.parametrize(
    ("shape", "fill", "words"),
    [
        ((3,), 0, "array of shape 3"),
        ((2, 2, 2), 0, "array of shape 2×2×2"),
        ((0, 4), 0, "array of shape 0×4"),
        ((1, 1), 256, r"outside 0…255"),
        ((1, 1), -1, r"outside 0…255"),
        ((1, 1), 1.5, r"floats outside 0…1"),
        ((1, 1), float("nan"), r"floats outside 0…1"),
        ((1, 1), 1j, r"complex128 outside"),
    ],
)
def test_an_array_that_is_no_image_is_refused(shape: Any, fill: Any, words: str) -> None:
    """Shape and range are named."""
    np = pytest.importorskip("numpy")
    with pytest.raises(InputError, match=words):
        image(np.full(shape, fill))


def test_a_figure_is_the_same_request_each_time() -> None:
    """A PNG without time and version; axes stand for their figure."""
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1), dpi=50)
    axes = figure.subplots()
    axes.plot([1, 2])
    part = image(figure)
    assert describe(content(part)).startswith("PNG, 100×50")
    assert b"Software" not in content(part)
    assert image(figure) == image(axes) == part


def test_a_pillow_image_and_its_resizing() -> None:
    """Pillow's modes become PNG; `resize` scales the longest side down, never up, and keeps the format."""
    pillow = pytest.importorskip("PIL.Image", reason="the extra `images` is not installed")
    assert describe(content(image(pillow.new("CMYK", (4, 3))))) == "PNG, 4×3, 1 kB"
    large = pillow.new("RGB", (400, 200))
    assert describe(content(image(large, resize=100))) == "PNG, 100×50, 1 kB"
    assert image(large, resize=400) == image(large)
    buffer = io.BytesIO()
    large.save(buffer, format="JPEG", quality=30)
    assert describe(content(image(buffer.getvalue(), resize=100))).startswith("JPEG, 100×50")
    assert content(image(buffer.getvalue(), resize=400)) == buffer.getvalue()
    with pytest.raises(InputError, match="not an image that can be sent"):
        image(PNG[:40], resize=10)


def test_a_pillow_image_is_never_cut_off() -> None:
    """16 bits stay 16 bits, transparency stays; modes whose values PNG cannot hold are refused by name."""
    pillow = pytest.importorskip("PIL.Image", reason="the extra `images` is not installed")
    deep = pillow.open(io.BytesIO(content(image(pillow.new("I;16", (2, 2), 40_000)))))
    assert deep.getpixel((0, 0)) == 40_000
    for mode, back in (("RGBa", "RGBA"), ("La", "LA")):
        clear = pillow.open(io.BytesIO(content(image(pillow.new(back, (2, 2), 0).convert(mode)))))
        assert (clear.mode, clear.getpixel((0, 0))[-1]) == (back, 0)
    for mode in ("F", "I"):
        with pytest.raises(InputError, match=f"a Pillow image of mode {mode}"):
            image(pillow.new(mode, (2, 2), 300))


@pytest.mark.parametrize("value", [3, None, [PNG], {"a": 1}, object(), lambda: None])
def test_a_value_of_another_type_is_refused(value: Any) -> None:
    """The type is named, nothing is guessed."""
    with pytest.raises(InputError, match=f"an object of type {type(value).__name__}"):
        image(value)


# -- addresses and files ----------------------------------------------------------------------------------------------


def test_an_address_is_passed_as_it_is() -> None:
    """The server fetches it; a data address is checked; other schemes are file names that do not exist."""
    url = "https://example.org/a.png?x=1"
    assert image(url) == Image(url)
    assert find_picture(url, {}, folder=Path()).note == "the server fetches it"
    data = "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert image(data) == image(PNG)
    with pytest.raises(InputError, match="unknown format"):
        image("data:image/png;base64," + base64.b64encode(b"no").decode())
    with pytest.raises(InputError, match="invalid data URL"):
        image("data:image/png;base64,???")
    with pytest.raises(InputError, match="cannot be resized"):
        image(url, resize=100)
    with pytest.raises(InputError):
        image("file:///etc/hostname")


def test_files_stay_inside_the_notebooks_folder(tmp_path: Path) -> None:
    """Absolute paths, `..` and links out of it need `allow_outside`, named or in a variable."""
    folder = tmp_path / "notebook"
    folder.mkdir()
    secret = tmp_path / "secret.png"
    secret.write_bytes(PNG)
    (folder / "link.png").symlink_to(secret)
    (folder / "in.png").write_bytes(PNG)
    assert find_picture("in.png", {}, folder=folder).note == "PNG, 2×1, 1 kB"
    assert find_picture("path", {"path": Path("in.png")}, folder=folder).image == image(PNG)
    for text, namespace in (
        ("../secret.png", {}),
        (str(secret), {}),
        ("link.png", {}),
        ("path", {"path": secret}),
        ("path", {"path": str(secret)}),
    ):
        with pytest.raises(InputError, match="outside the notebook's folder"):
            find_picture(text, namespace, folder=folder)
        assert find_picture(text, namespace, folder=folder, allow_outside=True).image == image(PNG)


def test_a_name_that_is_neither_variable_nor_file_gets_a_proposal(tmp_path: Path) -> None:
    """A typing mistake in a variable is not a file that is missing."""
    with pytest.raises(InputError, match="No variable and no file named figrue") as caught:
        find_picture("figrue", {"figure": PNG}, folder=tmp_path)
    assert "figure" in caught.value.hint
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "photo.png").write_bytes(PNG)
    for near, meant in (("sub/foto.png", f"sub{os.sep}photo.png"), ("fgure", "figure"), ("opens", "")):
        with pytest.raises(InputError) as caught:
            find_picture(near, {"figure": PNG, "open": open}, folder=tmp_path)
        assert caught.value.hint == (f"Did you mean {meant}?" if meant else "")
    with pytest.raises(InputError, match="Cannot read the image"):
        find_picture("folder", {"folder": tmp_path}, folder=tmp_path)


# -- in requests ------------------------------------------------------------------------------------------------------


def test_a_reference_to_an_image_splits_the_text() -> None:
    """`{{figure}}` becomes a part at its place, with its size as a note; arrays and other bytes stay text and error."""
    found = expand("Compare {{a}} and {{b}}.", {"a": PNG, "b": bytearray(PNG)})
    assert found.parts == (Text("Compare "), image(PNG), Text(" and "), image(PNG), Text("."))
    assert found.notes == ("{{a}}: PNG, 2×1, 1 kB", "{{b}}: PNG, 2×1, 1 kB")
    with pytest.raises(InputError, match="PDF"):
        expand("{{a}}", {"a": b"%PDF-1.4"})
    with pytest.raises(InputError, match="contains bytes, not text"):
        expand("{{a}}", {"a": b"abc"})
    with pytest.raises(InputError, match="with an image in it"):
        expand("{{a}}", {"a": [PNG]})


QUESTION = [Message("user", (Text("What is this?"), image(PNG)))]


def test_a_model_that_cannot_see_is_not_asked() -> None:
    """By the catalogue; the embedded model cannot; one nobody knows may; `force` sends all the same."""
    session = Session()
    for model in (BLIND, "local"):
        with pytest.raises(InputError, match=r"does not support images\. Choose a model with vision \(qwen3\.6-plus\)"):
            session.prepare(QUESTION, {"model": model})
        assert session.prepare(QUESTION, {"model": model, "force": True}).request.messages == tuple(QUESTION)
    for model in (SEEING, "somebody/unknown"):
        assert session.prepare(QUESTION, {"model": model}).request.messages == tuple(QUESTION)
    assert session.prepare([Message("user", (Text("no image"),))], {"model": BLIND})


def test_rows_with_images_are_refused_too() -> None:
    """A run over rows checks what it fills in, not only the empty prompt."""
    session = Session()
    call = session.prepare("no image", {"model": BLIND})
    with pytest.raises(InputError, match="does not support images"):
        session.with_messages(call, tuple(QUESTION))
    forced = session.prepare("no image", {"model": BLIND, "force": True})
    assert session.with_messages(forced, tuple(QUESTION)).request.messages == tuple(QUESTION)


def test_both_forms_carry_the_image() -> None:
    """OpenAI's `image_url`, Anthropic's base64 source."""
    from wcode_jupyter import wire

    encoded = base64.b64encode(PNG).decode()
    call = Session().prepare(QUESTION, {"model": SEEING})
    assert wire.encode(call.request)["messages"][0]["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}},
    ]
    call = Session().prepare(QUESTION, {"model": SEEING, "protocol": "anthropic"})
    assert wire.encode(call.request)["messages"][0]["content"][1] == {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": encoded},
    }


def test_a_body_is_abridged_for_reading_only() -> None:
    """Long base64 is cut and its size told; everything else stays."""
    url = "data:image/png;base64," + base64.b64encode(bytes(30_000)).decode()
    body = {"a": [{"url": url}, {"data": url.partition(",")[2]}, "short", "x" * 15 + " " * 300, 3]}
    assert abridged(body) == {
        "a": [
            {"url": "data:image/png;base64,AAAAAAAAAAAAAAAA… (30 kB)"},
            {"data": "AAAAAAAAAAAAAAAA… (30 kB)"},
            "short",
            "x" * 15 + " " * 300,
            3,
        ]
    }


def test_from_python() -> None:
    """`images.image` makes the part of a message."""
    with FaultServer(chat("red and blue")) as server, Client(server.base_url, log=False) as client:
        client.ask([Message("user", (Text("Colours?"), images.image(PNG)))], model="m")
        parts = server.requests[0].json["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url"]


# -- in a cell --------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(kernel: Kernel) -> Any:
    with FaultServer(chat("I see.")) as server:
        kernel.run("%load_ext wcode_jupyter")
        kernel.run(f"%wcode set model=m base_url={server.base_url} log=false")
        kernel.run(f"import base64\nred = base64.b64decode('{base64.b64encode(PNG).decode()}')")
        yield server


@pytest.mark.kernel
def test_a_cell_sends_images_after_its_text(kernel: Kernel, server: FaultServer, tmp_path: Path) -> None:
    """Variable, file and address in the order of the line; their sizes stand below the answer."""
    (tmp_path / "dot.png").write_bytes(PNG)
    done = kernel.run("%%wcode --image red --image dot.png --image https://example.org/x.png -o seen\nWhat?")
    assert done.status == "ok", done.text
    parts = server.requests[0].json["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url", "image_url", "image_url"]
    assert parts[0]["text"] == "What?"
    assert parts[3]["image_url"]["url"] == "https://example.org/x.png"
    html = done.outputs[0]["data"]["text/html"]
    assert "red: PNG, 2×1, 1 kB" in html
    assert "dot.png: PNG, 2×1, 1 kB" in html
    kernel.run("%%wcode\nLook: {{red}}")
    assert [part["type"] for part in server.requests[1].json["messages"][0]["content"]] == ["text", "image_url"]
    assert "… (1 kB)" not in kernel.run("%%wcode --image red --dry-run\nhi").text


@pytest.mark.kernel
def test_what_is_wrong_with_an_image_is_one_line_and_sends_nothing(
    kernel: Kernel, server: FaultServer, tmp_path: Path
) -> None:
    """A model that cannot see, a file outside, a wrong type, a size nobody means, options without an image."""
    (tmp_path / "text.png").write_bytes(b"no image")
    kernel.run("number = 3")
    for line, words in (
        ("glm-5 --image red", "does not support images"),
        ("local --image red", "does not support images"),
        ("--image /etc/hostname", "outside the notebook"),
        ("--image text.png", "unknown format"),
        ("--image number", "type int"),
        ("--image rde", "Did you mean red"),
        ("--image red --resize tiny", "16…20000"),
        ("--resize 100", "needs --image"),
        ("--allow-outside", "needs --image"),
        ("--system {{red}}", "system prompt"),
    ):
        done = kernel.run(f"%%wcode {line}\nWhat?")
        assert done.status == "error", line
        assert words in done.outputs[-1]["traceback"][0], line
        assert len(done.outputs[-1]["traceback"]) == 1
    assert server.requests == []
