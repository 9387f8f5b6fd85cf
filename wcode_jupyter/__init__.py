"""The notebook as a laboratory for language models: `%%wcode` cells that stream, capture, price and replay.

`%load_ext wcode_jupyter` adds the magics; `from wcode_jupyter import Client` does the same without them. Names are
loaded at first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import strict as strict  # reads the environment before a notebook can change it
from .version import __version__

if TYPE_CHECKING:
    from .batch import Replies as Replies
    from .client import Client as Client
    from .codebook import Codebook as Codebook
    from .errors import WcodeError as WcodeError
    from .labels.labels import Labels as Labels
    from .prompt.tools import tool as tool
    from .reply import Reply as Reply
    from .request.messages import Message as Message
    from .request.messages import Request as Request

# The home of Reply is where it learns to export itself.
_HOMES = {
    "Codebook": "codebook",
    "Labels": "labels.labels",
    "Client": "client",
    "Message": "request.messages",
    "Replies": "batch",
    "Reply": "client.client",
    "Request": "request.messages",
    "WcodeError": "errors",
    "tool": "prompt.tools",
}

__all__ = [
    "Client",
    "Codebook",
    "Labels",
    "Message",
    "Replies",
    "Reply",
    "Request",
    "WcodeError",
    "__version__",
    "load_ipython_extension",
    "panel",
    "tool",
    "unload_ipython_extension",
]


def __getattr__(name: str) -> Any:
    if name == "images":  # a module that notebooks name: images.image(figure)
        return import_module(".prompt.images", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


def panel(options: str = "") -> None:
    """Shows the panel in this notebook, set by `options` as a `%%wcode` line would be. Loads the magics if need be."""
    from .extension import show_panel

    show_panel(options)


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext wcode_jupyter`."""
    from .extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext wcode_jupyter`."""
    from .extension import unload

    unload(shell)
