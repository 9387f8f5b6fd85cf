"""Where an answer is found again: the request's fingerprint, and which of its occurrences in row order it is.

The same question twice in a run wants two answers, the first and the second; whatever else changes between two runs
(rows moved or added, models, repeats, another file, another notebook) an answer keeps its address.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from json.encoder import encode_basestring

import msgspec

from .. import wire
from ..request.forms import DEFAULT_PROTOCOL
from ..request.messages import Message, canonical_json
from ..session import Call
from ..store.codec import order

__all__ = ["Fingerprints", "Occurrences", "address", "any_order"]

_MARK = re.compile(rb'"\\u0000([0-9]+)\\u0000"')


class Fingerprints:
    """`wire.fingerprint` of one call with other messages, at a fraction of the cost: only texts are written anew."""

    def __init__(self, call: Call) -> None:
        self._request = call.request
        self.order = order(call.request)
        """What a fingerprint does not say: see `store.codec.order`."""
        self._pieces = self._cut()

    def _cut(self) -> list[bytes]:
        """What stands between the texts of the messages; nothing where they do not stand as they are.

        The Anthropic form joins messages, and leaves empty ones out.
        """
        if self._request.protocol != DEFAULT_PROTOCOL:
            return []
        messages = tuple(
            msgspec.structs.replace(message, content=f"\0{index}\0")
            for index, message in enumerate(self._request.messages)
        )
        request = msgspec.structs.replace(self._request, messages=messages)
        identity = canonical_json(wire.identity(request))
        pieces = _MARK.split(identity)
        found = [int(index) for index in pieces[1::2]]
        return pieces[::2] if found == list(range(len(messages))) else []

    def of(self, messages: tuple[Message, ...]) -> str:
        """64 hex digits. Raises InputError where the messages cannot be sent."""
        texts = [message.content for message in messages if isinstance(message.content, str)]
        if len(texts) + 1 != len(self._pieces) or len(texts) < len(messages):
            return wire.fingerprint(msgspec.structs.replace(self._request, messages=messages))
        parts = [self._pieces[0]]
        for text, piece in zip(texts, self._pieces[1:], strict=True):
            parts += (encode_basestring(text).encode(), piece)
        return hashlib.sha256(b"".join(parts)).hexdigest()


class Occurrences:
    """Counts how often each question came."""

    def __init__(self) -> None:
        self._seen: Counter[bytes] = Counter()

    def next(self, fingerprint: str, order: str = "") -> str:
        """The address of the next answer to the question."""
        key = bytes.fromhex(fingerprint + order)
        number = self._seen[key]
        self._seen[key] = number + 1
        return address(fingerprint, order, number)


def address(fingerprint: str, order: str, number: int) -> str:
    """`fingerprint[:order].number`."""
    return f"{fingerprint}:{order}.{number}" if order else f"{fingerprint}.{number}"


def any_order(id_: str) -> str:
    """The address that a line has which was written before orders were kept."""
    fingerprint, _order, number = id_.partition(":")[0], "", id_.rpartition(".")[2]
    return id_ if ":" not in id_ else f"{fingerprint}.{number}"
