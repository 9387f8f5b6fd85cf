"""Which rows are labelled, and by what chance.

Each row has a permanent random number (a digest of the seed and its key), and a sample takes the smallest ones. So the
same rows are drawn in each kernel and for each coder, a larger sample contains the smaller one, and nothing has to be
kept. The order in which a coder sees them is by another number, of the coder's own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from math import ceil

from ..errors import InputError
from ..language import _
from .mark import Draw, Key, Sample
from .rows import key_text

__all__ = ["draw", "order_for"]


def draw(
    keys: Sequence[Key],
    n: int,
    sample: Sample = "random",
    *,
    strata: Sequence[Hashable | None] | None = None,
    uncertain: Sequence[int] | None = None,
    seed: int = 0,
) -> dict[int, Draw]:
    """The rows that are drawn, by number, with their chances; all where there are no more than `n`.

    `strata`: the stratum of each row, for `stratified`: each gets the same share of `n`, small ones are taken whole.
    `uncertain`: the numbers of the rows, least sure first, for `uncertain`. Raises InputError: no rows, n below 1.
    """
    if n < 1:
        raise InputError(_("The sample must have at least one row, got {n}").format(n=n))
    if not keys:
        raise InputError(_("There are no rows"))
    if sample == "uncertain":
        chosen = list(uncertain or ())[:n]
        return {number: Draw("uncertain", len(chosen), len(keys)) for number in chosen}
    if sample == "stratified":
        return _stratified(keys, n, strata or [None] * len(keys), seed)
    if sample != "random":
        raise InputError(
            _("Unknown sample: {name}").format(name=sample), hint=_("Use random, stratified or uncertain.")
        )
    size = min(n, len(keys))
    return {number: Draw("random", size, len(keys)) for number in _first(keys, range(len(keys)), size, seed)}


def _stratified(keys: Sequence[Key], n: int, strata: Sequence[Hashable | None], seed: int) -> dict[int, Draw]:
    members: dict[str, list[int]] = {}
    for number, stratum in enumerate(strata):
        members.setdefault("" if stratum is None else str(stratum), []).append(number)
    found: dict[int, Draw] = {}
    for stratum, size in _sizes({name: len(numbers) for name, numbers in members.items()}, n).items():
        numbers = members[stratum]
        found |= {
            number: Draw("stratified", size, len(numbers), stratum) for number in _first(keys, numbers, size, seed)
        }
    return found


def _sizes(members: Mapping[str, int], n: int) -> dict[str, int]:
    """Equal shares, and what small strata leave goes to the larger ones; each at least one row."""
    sizes: dict[str, int] = {}
    left = n
    for place, (name, count) in enumerate(sorted(members.items(), key=lambda item: (item[1], item[0]))):
        sizes[name] = min(count, max(1, ceil(left / (len(members) - place))))
        left -= sizes[name]
    return sizes


def _first(keys: Sequence[Key], numbers: Sequence[int], size: int, seed: int) -> list[int]:
    return sorted(numbers, key=lambda number: (_random(f"sample {seed}", keys[number]), number))[:size]


def order_for(coder: str, keys: Sequence[Key], numbers: Sequence[int]) -> list[int]:
    """The `numbers` in the order in which this coder sees them: each coder has one of their own."""
    return sorted(numbers, key=lambda number: (_random(f"coder {coder}", keys[number]), number))


def _random(salt: str, key: Key) -> bytes:
    return hashlib.sha256(f"{salt}\n{key_text(key)}".encode()).digest()
