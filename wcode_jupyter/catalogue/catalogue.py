"""Which models: what each can do, how much it reads, and what it costs in RMB.

`catalogue.toml` holds the models of the API pages; a user's file of the same form adds models and replaces fields.
An id that is not in the catalogue is allowed everywhere: its facts and its price are then unknown, never guessed.
"""

from __future__ import annotations

import datetime
import os
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
import platformdirs
from msgspec import Struct, field

from .. import files, typed
from ..errors import InputError
from ..language import _
from ..reply.events import Usage
from ..request.messages import LOCAL, Protocol
from ..request.parameters import check

__all__ = ["Capability", "Catalogue", "Model", "Price", "user_file"]

Capability: TypeAlias = Literal["text", "code", "reasoning", "vision"]

_BUNDLED = Path(__file__).with_name("catalogue.toml")
# The span in which a page's "256 k" may mean 256,000 or 262,144 tokens.
_BINARY_K = Decimal("1.024")


class Price(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One tier: RMB per 1000 tokens, for requests of at most `up_to_input` input tokens (None: no limit)."""

    input: Decimal
    output: Decimal
    up_to_input: int | None = None


class Model(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One row of the catalogue. Tokens for `context` and `max_output`; None means not stated."""

    id: str = ""
    name: str = ""
    series: str = ""
    capabilities: tuple[Capability, ...] = ()
    context: int | None = None
    max_output: int | None = None
    prices: tuple[Price, ...] = ()
    priced_on: datetime.date | None = None
    anthropic: bool | None = None
    protocol: Protocol | None = None
    """The protocol to use for this model when the user names none."""
    unlisted: tuple[str, ...] = ()
    """Parameters that the model's page does not list."""
    thinking_opened: bool = False
    """The model's template opens `<think>` itself, so answers hold only `</think>` (for a user's own server)."""
    defaults: dict[str, Any] = field(default_factory=dict)
    """Parameters to send for this model unless set elsewhere; the bundled catalogue has none."""

    def price(self, input_tokens: int) -> Price | None:
        """The tier for a request of `input_tokens`; it holds for all of its tokens, input and output."""
        for tier in self.prices:
            if tier.up_to_input is None or input_tokens <= tier.up_to_input:
                return tier
        return None

    def cost(self, usage: Usage) -> Decimal | None:
        """RMB for `usage`, exact; None when the price is unknown. Cached tokens are billed as input."""
        if (tier := self.price(usage.input_tokens)) is None:
            return None
        return (usage.input_tokens * tier.input + usage.output_tokens * tier.output) / 1000

    def ambiguous_tier(self, input_tokens: int) -> bool:
        """Whether the page leaves open which tier holds: just above a boundary that may be meant in binary k."""
        return any(
            tier.up_to_input is not None and tier.up_to_input < input_tokens <= tier.up_to_input * _BINARY_K
            for tier in self.prices
        )


class Catalogue(Mapping[str, Model]):
    """Models by id, in the order of the files."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self._models = dict(models)

    @classmethod
    def load(cls, *user_files: Path) -> Catalogue:
        """The bundled models, then those of each file that exists, field by field.

        Raises InputError naming the file and the fault.
        """
        tables: dict[str, dict[str, Any]] = {}
        for path in (_BUNDLED, *user_files):
            for model_id, table in _read(path).items():
                tables[model_id] = {**tables.get(model_id, {}), **table, "id": model_id}
        return cls({model_id: _model(table) for model_id, table in tables.items()})

    def __getitem__(self, model_id: str) -> Model:
        return self._models[model_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def resolve(self, name: str) -> str:
        """The id that `name` means: itself when it is an id or unknown, the model's id when it is a unique short name.

        `glm-5` means `z-ai/glm-5`, `step` means `stepfun/step-3.5-flash`. Raises InputError when several fit.
        """
        if name in self._models or name == LOCAL or not name:
            return name
        short_names = {model_id: model_id.rpartition("/")[2].lower() for model_id in self._models}
        for fits in (str.__eq__, str.startswith):
            found = [model_id for model_id, short in short_names.items() if fits(short, name.lower())]
            if len(found) > 1:
                raise InputError(
                    _("{name} matches several models: {models}").format(name=name, models=", ".join(found)),
                    hint=_("Use the full id."),
                )
            if found:
                return found[0]
        return name

    def model(self, model_id: str) -> Model:
        """The row of `model_id`, or an empty row for an id that is not in the catalogue."""
        return self._models.get(model_id) or Model(id=model_id, name=model_id)

    def cost(self, model_id: str, usage: Usage | None) -> Decimal | None:
        """RMB for `usage`, or None when usage or price is unknown."""
        return None if usage is None else self.model(model_id).cost(usage)

    def search(self, words: str = "") -> list[Model]:
        """Models whose id, name, series or capabilities contain every word of `words`."""
        wanted = words.lower().split()
        return [
            model
            for model in self._models.values()
            if all(
                word in " ".join((model.id, model.name, model.series, *model.capabilities)).lower() for word in wanted
            )
        ]


def user_file() -> Path:
    """Where the user's own models stand: WCODE_CATALOGUE, else `models.toml` in the configuration folder."""
    if named := os.environ.get("WCODE_CATALOGUE"):
        return Path(named).expanduser()
    return Path(platformdirs.user_config_dir("wcode_jupyter", appauthor=False)) / "models.toml"


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        with files.reading(path) as file:
            models = tomllib.load(file, parse_float=Decimal).get("models", {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InputError(_("Cannot read the catalogue {path}: {error}").format(path=path, error=error)) from None
    if not isinstance(models, dict) or not all(isinstance(table, dict) for table in models.values()):
        raise InputError(_('{path}: expected tables of the form [models."id"]').format(path=path))
    return models


def _model(table: dict[str, Any]) -> Model:
    try:
        model = typed.convert(table, Model)
    except msgspec.ValidationError as error:
        raise InputError(_("Catalogue, model {id}: {error}").format(id=table["id"], error=error)) from None
    defaults = {name: check(name, _plain(value)) for name, value in model.defaults.items()}
    return msgspec.structs.replace(model, defaults=defaults)


def _plain(value: Any) -> Any:
    # TOML floats were read as Decimal for the sake of prices; parameters are plain floats.
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value
