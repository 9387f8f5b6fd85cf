"""Which models: what each can do, how much it reads, and what it costs in RMB.

`catalogue.toml` holds the models of the API pages; a user's file of the same form adds models and replaces fields.
An id that is not in the catalogue is allowed everywhere: its facts and its price are then unknown, never guessed.
"""

from __future__ import annotations

import datetime
import difflib
import os
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec
import platformdirs
from msgspec import Struct, field

from .. import files, typed
from ..errors import InputError
from ..language import N_, _
from ..reply.events import Usage
from ..request.messages import LOCAL, Protocol
from ..request.parameters import check

__all__ = ["CAPABILITIES", "Capability", "Catalogue", "Model", "Price", "user_file"]

Capability: TypeAlias = Literal["text", "code", "reasoning", "vision"]

CAPABILITIES: dict[Capability, str] = {
    "text": N_("text"),
    "code": N_("code"),
    "reasoning": N_("reasoning"),
    "vision": N_("vision"),
}
"""What each is called."""

# The pages' own words, and others that people look for.
_CHINESE: dict[Capability, str] = {
    "text": "文本生成",
    "code": "代码补全",
    "reasoning": "深度思考 推理",
    "vision": "视觉理解 图像 图片识别 多模态",
}

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
    """The date of the price list; the pages have none."""
    anthropic: bool | None = None
    protocol: Protocol | None = None
    """The protocol to use for this model when the user names none."""
    unlisted: tuple[str, ...] = ()
    """Parameters that the model's page does not list."""
    key_page: str = ""
    """Where the model's page sends its readers for an API key."""
    model_list: str = ""
    """The page of all models that the model's page names."""
    tools: tuple[str, ...] = ()
    """The programs whose configuration the model's page shows, as `%wcode export` calls them."""
    thinking_opened: bool = False
    """The model's template opens `<think>` itself, so answers hold only `</think>` (for a user's own server)."""
    defaults: dict[str, object] = field(default_factory=dict)
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
        tables: dict[str, dict[str, object]] = {}
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
        """The id that `name` means: itself when it is an id or unknown, else the id of the model that it names.

        A model is named by its id in any case, its name or the title of its page (`GLM 5`), its id without the part
        before the slash (`glm-5`) or with the series there (`qwen/qwen3.6-plus`), or a unique beginning of its short
        name (`step`). Raises InputError when several fit.
        """
        if name in self._models or name == LOCAL or not name:
            return name
        word = name.casefold()
        return (
            self._only(name, [model_id for model_id in self._models if model_id.casefold() == word])
            or self._only(name, [model.id for model in self._models.values() if _key(name) in _names(model)])
            or self._only(name, [model_id for model_id in self._models if _short(model_id).startswith(word)])
            or name
        )

    def _only(self, name: str, found: list[str]) -> str:
        if len(found) > 1:
            raise InputError(
                _("{name} matches several models: {models}").format(name=name, models=", ".join(found)),
                hint=_("Use the full id."),
            )
        return found[0] if found else ""

    def near(self, name: str) -> str:
        """The id of a known model that an unknown `name` was probably meant to be; empty where there is none.

        Another maker's part before the slash, or a slip of the hand in the rest. A version, size or variant of its own
        (`glm-5.2`, `glm-5v`) is another model.
        """
        if name in self._models or name.partition(":")[0] == LOCAL:
            return ""
        word = _key(_short(name))
        return next((known for known in self._models if _is_slip(word, _key(_short(known)))), "")

    def suggest(self, name: str) -> str:
        """The id most like an unknown `name`, for an error that a server sent; empty where none is like it."""
        if name in self._models:
            return ""
        if near := self.near(name):
            return near
        shorts = {_short(model_id): model_id for model_id in self._models}
        return next((shorts[short] for short in difflib.get_close_matches(_short(name), shorts, n=1)), "")

    def model(self, model_id: str) -> Model:
        """The row of `model_id`, or an empty row for an id that is not in the catalogue."""
        return self._models.get(model_id) or Model(id=model_id, name=model_id)

    def cost(self, model_id: str, usage: Usage | None) -> Decimal | None:
        """RMB for `usage`, or None when usage or price is unknown."""
        return None if usage is None else self.model(model_id).cost(usage)

    def search(self, words: str = "") -> list[Model]:
        """Models whose id, name, series or capabilities (in English or Chinese) contain every word of `words`."""
        wanted = re.split(r"[\s、，,]+", words.strip().casefold())
        return [model for model in self._models.values() if all(word in _described(model) for word in wanted)]


def _described(model: Model) -> str:
    capabilities = [f"{name} {_CHINESE[name]}" for name in model.capabilities]
    return " ".join((model.id, model.name, model.series, *capabilities)).casefold()


def _short(model_id: str) -> str:
    return model_id.rpartition("/")[2].casefold()


def _key(name: str) -> str:
    """What of a name counts: neither case nor spaces, dashes and underscores, nor what follows the name in a title."""
    return re.sub(r"api\s*接口.*|[\s_-]", "", unicodedata.normalize("NFKC", name).casefold(), flags=re.DOTALL)


def _names(model: Model) -> set[str]:
    """All that names `model`, as `_key` spells it."""
    names = {model.id, model.name, _short(model.id)} | (
        {f"{model.series}/{_short(model.id)}"} if model.series else set()
    )
    return {_key(name) for name in names if name}


# Shorter words are too easily other words.
_SHORTEST_SLIP = 6


def _is_slip(word: str, known: str) -> bool:
    """Whether `word` is `known`, or differs from it by one slip: a letter left out, doubled, changed or exchanged.

    The digits must be the same, and the end: versions and variants differ there.
    """
    if word == known:
        return True
    if len(known) < _SHORTEST_SLIP or _digits(word) != _digits(known) or word.startswith(known):
        return False
    if sorted(word) == sorted(known):
        return sum(a != b for a, b in zip(word, known, strict=True)) == 2
    longer, shorter = sorted((word, known), key=len, reverse=True)
    cut = next((i for i, (a, b) in enumerate(zip(longer, shorter, strict=False)) if a != b), len(shorter))
    return longer[cut + 1 :] == shorter[cut if len(longer) > len(shorter) else cut + 1 :]


def _digits(word: str) -> str:
    return re.sub(r"[^0-9.]", "", word)


def user_file() -> Path:
    """Where the user's own models stand: WCODE_CATALOGUE, else `models.toml` in the configuration folder."""
    if named := os.environ.get("WCODE_CATALOGUE"):
        return Path(named).expanduser()
    return Path(platformdirs.user_config_dir("wcode_jupyter", appauthor=False)) / "models.toml"


def _read(path: Path) -> dict[str, dict[str, object]]:
    try:
        with files.reading(path) as file:
            models = tomllib.loads(file.read().decode("utf-8-sig"), parse_float=Decimal).get("models", {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InputError(_("Cannot read the catalogue {path}: {error}").format(path=path, error=error)) from None
    if not isinstance(models, dict) or not all(isinstance(table, dict) for table in models.values()):
        raise InputError(_('{path}: expected tables of the form [models."id"]').format(path=path))
    return models


def _model(table: dict[str, object]) -> Model:
    try:
        model = typed.convert(table, Model)
    except msgspec.ValidationError as error:
        raise InputError(_("Catalogue, model {id}: {error}").format(id=table["id"], error=error)) from None
    defaults = {name: check(name, _plain(value)) for name, value in model.defaults.items()}
    return msgspec.structs.replace(model, defaults=defaults)


def _plain(value: object) -> object:
    # TOML floats were read as Decimal for the sake of prices; parameters are plain floats.
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value
