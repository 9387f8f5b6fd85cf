"""Promises of the catalogue: the facts of the gateway's pages, exact money, and a user's file that adds to it."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from wcode_jupyter.catalogue import Catalogue, Model, Price, user_file
from wcode_jupyter.errors import InputError, ParameterError
from wcode_jupyter.reply.events import Usage

STEP, QWEN3, QWEN36, GLM = "stepfun/step-3.5-flash", "qwen/qwen3-235b-a22b", "qwen3.6-plus", "z-ai/glm-5"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


def one_tier(price_in: str, price_out: str) -> tuple[Price, ...]:
    return (Price(Decimal(price_in), Decimal(price_out)),)


GET_KEY, MODEL_LIST = "https://wcode.net/get-apikey", "https://wcode.net/models"
EVERYWHERE = ("openclaw", "opencode")


# By hand from the four pages: 模型 ID, title, 模型系列, 模型能力, 上下文长度, "maxTokens", 模型价格, Anthropic,
# 可选参数, 获取 API Key 入口, 模型列表, 接入示例. 更新日期 is empty on all of them: no price has a date.
PAGES = [
    Model(
        id=STEP,
        name="Step 3.5 Flash",
        series="StepFun",
        capabilities=("text", "code", "reasoning"),
        context=256000,
        max_output=256000,
        prices=one_tier("0.0012", "0.0035"),
        key_page=GET_KEY,
        model_list=MODEL_LIST,
        tools=EVERYWHERE,
    ),
    Model(
        id=QWEN3,
        name="Qwen3 235B A22B",
        series="Qwen",
        capabilities=("text",),
        context=128000,
        max_output=8192,
        prices=one_tier("0.0025", "0.00675"),
        anthropic=True,
        key_page=GET_KEY,
        model_list=MODEL_LIST,
        tools=EVERYWHERE,
    ),
    Model(
        id=QWEN36,
        name="Qwen 3.6 Plus",
        series="Qwen",
        capabilities=("text", "reasoning", "vision"),
        context=1024000,
        max_output=64000,
        prices=(
            Price(Decimal("0.0021"), Decimal("0.0129"), up_to_input=256000),
            Price(Decimal("0.0085"), Decimal("0.05")),
        ),
        unlisted=("reasoning",),
        key_page="https://platform.wcode.net",
        tools=(*EVERYWHERE, "roo-code", "kilo-code", "cline"),
    ),
    Model(
        id=GLM,
        name="GLM 5",
        series="GLM",
        capabilities=("text", "reasoning", "code"),
        context=200000,
        max_output=128000,
        prices=one_tier("0.011", "0.035"),
        anthropic=True,
        key_page=GET_KEY,
        model_list=MODEL_LIST,
        tools=EVERYWHERE,
    ),
]


def test_the_facts_of_the_pages(catalogue: Catalogue) -> None:
    """The models of the pages, in order, with what the pages say and nothing else."""
    assert list(catalogue.values()) == PAGES


@pytest.mark.parametrize(
    ("model_id", "usage", "cost"),
    [
        (STEP, Usage(24, 494, 245), "0.0017578"),
        (QWEN3, Usage(13, 559), "0.00380575"),
        (QWEN36, Usage(23, 1501, 1256), "0.0194112"),
        (GLM, Usage(15, 210, 229), "0.007515"),
    ],
)
def test_the_four_examples_cost_what_the_reference_says(
    catalogue: Catalogue, model_id: str, usage: Usage, cost: str
) -> None:
    """Exact RMB for the usage printed on each page; reasoning details are not billed twice."""
    assert catalogue.cost(model_id, usage) == Decimal(cost)


def test_cached_tokens_are_billed_as_input(catalogue: Catalogue) -> None:
    """No page prices cached tokens: they cost what input costs."""
    assert catalogue.cost(GLM, Usage(1000, 0, cached_tokens=900)) == Decimal("0.011")


@pytest.mark.parametrize(
    ("input_tokens", "cost"),
    [
        (256_000, "537.7290"),  # 256000 × 0.0021 / 1000 + 10 × 0.0129 / 1000, in thousandths
        (256_001, "2176.5085"),  # 256001 × 0.0085 / 1000 + 10 × 0.05 / 1000, in thousandths
    ],
)
def test_the_tier_is_chosen_by_input_and_holds_for_all(catalogue: Catalogue, input_tokens: int, cost: str) -> None:
    """256,000 input tokens are the lower tier, one more puts every token, output too, in the upper one."""
    assert catalogue.cost(QWEN36, Usage(input_tokens, 10)) == Decimal(cost) / 1000


@pytest.mark.parametrize(
    ("input_tokens", "ambiguous"),
    [(255_999, False), (256_000, False), (256_001, True), (262_144, True), (262_145, False)],
)
def test_the_span_where_the_page_is_unclear_is_flagged(
    catalogue: Catalogue, input_tokens: int, ambiguous: bool
) -> None:
    """Between 256,000 and 262,144 the page's "256 k" can be read both ways."""
    assert catalogue[QWEN36].ambiguous_tier(input_tokens) is ambiguous
    assert catalogue[GLM].ambiguous_tier(input_tokens) is False


def test_an_unknown_model_is_allowed_and_has_no_price(catalogue: Catalogue) -> None:
    """Any id works; facts and money are then unknown, never guessed."""
    model = catalogue.model("acme/new")
    assert (model.id, model.context, model.capabilities) == ("acme/new", None, ())
    assert catalogue.cost("acme/new", Usage(1000, 1000)) is None
    assert catalogue.cost(GLM, None) is None
    assert catalogue.resolve("acme/new") == "acme/new"


@pytest.mark.parametrize(
    ("name", "model_id"),
    [
        ("glm-5", GLM),
        ("GLM-5", GLM),
        ("GLM 5", GLM),
        ("glm 5", GLM),
        ("Z-AI/GLM-5", GLM),
        ("GLM/glm-5", GLM),
        ("GLM 5 API 接口、模型参数 & 代码示例", GLM),
        ("Step 3.5 Flash", STEP),
        ("StepFun/Step-3.5-Flash", STEP),
        ("Qwen3 235B A22B", QWEN3),
        ("Qwen/Qwen3-235B-A22B", QWEN3),
        ("Qwen 3.6 Plus", QWEN36),
        ("qwen/qwen3.6-plus", QWEN36),
        ("QWEN3.6-PLUS", QWEN36),
        ("glm", GLM),
        ("step", STEP),
        ("qwen3-235b-a22b", QWEN3),
        ("qwen3.6", QWEN36),
        (GLM, GLM),
        (QWEN36, QWEN36),
        ("local", "local"),
        ("", ""),
        ("glm-5.2", "glm-5.2"),
    ],
)
def test_a_unique_short_name_means_its_model(catalogue: Catalogue, name: str, model_id: str) -> None:
    """Ids stay, a short name or its unique beginning becomes the id, anything else is left as it is."""
    assert catalogue.resolve(name) == model_id


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("zhipu/glm-5", GLM),
        ("zai-org/GLM-5", GLM),
        ("alibaba/qwen3.6-plus", QWEN36),
        ("step-3.5-flahs", STEP),
        ("stepfun/step-3.5-flsh", STEP),
        ("qwen3.6-pluss", ""),
        ("qwen/qwen3-253b-a22b", ""),
        ("qwen3.6-pluus", QWEN36),
        ("glm-5.2", ""),
        ("glm-5v", ""),
        ("glm-4.7", ""),
        ("qwen3.5-plus", ""),
        ("qwen3.6-plus-free", ""),
        ("qwen/qwen3-32b", ""),
        ("acme/new", ""),
        ("local:my.gguf", ""),
        (GLM, ""),
    ],
)
def test_an_unknown_id_that_resembles_a_known_one(catalogue: Catalogue, typed: str, near: str) -> None:
    """Another maker's prefix or a slip of the hand; another version, size or variant is another model."""
    assert catalogue.near(typed) == near


def test_an_ambiguous_short_name_is_an_error(catalogue: Catalogue) -> None:
    """`qwen` fits two models: the error names both."""
    with pytest.raises(InputError) as caught:
        catalogue.resolve("qwen")
    assert QWEN3 in str(caught.value)
    assert QWEN36 in str(caught.value)


def test_an_exact_short_name_wins_over_longer_ones(tmp_path: Path) -> None:
    """`glm-5` still means GLM 5 when a `glm-5-air` is added; the same short name twice is ambiguous."""
    path = write(tmp_path, '[models."acme/glm-5-air"]\n')
    assert Catalogue.load(path).resolve("glm-5") == GLM
    path = write(tmp_path, '[models."acme/glm-5"]\n')
    with pytest.raises(InputError):
        Catalogue.load(path).resolve("glm-5")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", [STEP, QWEN3, QWEN36, GLM]),
        ("qwen", [QWEN3, QWEN36]),
        ("VISION", [QWEN36]),
        ("code reasoning", [STEP, GLM]),
        ("视觉理解", [QWEN36]),
        ("视觉", [QWEN36]),
        ("深度思考、代码补全", [STEP, GLM]),
        ("文本生成", [STEP, QWEN3, QWEN36, GLM]),
        ("nothing like it", []),
    ],
)
def test_search_needs_every_word(catalogue: Catalogue, words: str, found: list[str]) -> None:
    """Words are looked for in id, name, series and capabilities, whatever their case."""
    assert [model.id for model in catalogue.search(words)] == found


def write(folder: Path, text: str) -> Path:
    path = folder / "models.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_users_file_adds_models_and_replaces_fields(tmp_path: Path) -> None:
    """A new table is a new model after the others; a field of a known one is replaced, its other facts stay."""
    path = write(
        tmp_path,
        """
        [models."acme/one"]
        name = "一号"
        prices = [{ input = 0.1, output = 2 }]
        defaults = { temperature = 0.3, max_tokens = 100, logit_bias = { "7" = -1.5 }, stop = ["x"] }
        [models."z-ai/glm-5"]
        prices = [{ input = 0.02, output = 0.04 }]
        priced_on = 2027-01-01
        """,
    )
    catalogue = Catalogue.load(path, tmp_path / "missing.toml")
    assert list(catalogue) == [STEP, QWEN3, QWEN36, GLM, "acme/one"]
    assert catalogue.cost("acme/one", Usage(1000, 1000)) == Decimal("2.1")
    assert catalogue["acme/one"].defaults == {
        "temperature": 0.3,
        "max_tokens": 100,
        "logit_bias": {"7": -1.5},
        "stop": ["x"],
    }
    assert catalogue[GLM].prices == one_tier("0.02", "0.04")
    assert catalogue[GLM].priced_on == datetime.date(2027, 1, 1)
    assert (catalogue[GLM].name, catalogue[GLM].context) == ("GLM 5", 200000)


def test_prices_are_exact(tmp_path: Path) -> None:
    """Prices never pass through floats: a thousand tokens at 0.1 and 0.2 cost 0.3, not 0.30000000000000004."""
    path = write(tmp_path, '[models."m"]\nprices = [{ input = 0.1, output = 0.2 }]\n')
    assert str(Catalogue.load(path).cost("m", Usage(1000, 1000))) == "0.3"


@pytest.mark.parametrize(
    "text",
    [
        "not toml at all [",
        "models = 5",
        '[models]\nglm = "text"',
        '[models."m"]\nprice = 5',
        '[models."m"]\nprices = [{ input = "cheap", output = 1 }]',
        '[models."m"]\nprices = [{ input = 1 }]',
        '[models."m"]\ncapabilities = ["telepathy"]',
        '[models."m"]\ncontext = "large"',
        '[models."m"]\ndefaults = { temperature = 5 }',
        '[models."m"]\ndefaults = { temprature = 0.5 }',
    ],
)
def test_a_bad_file_is_one_clear_error(tmp_path: Path, text: str) -> None:
    """Bad TOML, unknown or wrong fields, and defaults out of range are InputErrors that say where."""
    with pytest.raises(InputError) as caught:
        Catalogue.load(write(tmp_path, text))
    shown = str(caught.value)
    assert "\n" not in shown
    assert "models.toml" in shown or " m:" in shown or isinstance(caught.value, ParameterError)


def test_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    """Editors of Windows write one."""
    path = tmp_path / "models.toml"
    path.write_bytes(b'\xef\xbb\xbf[models."m"]\nname = "M"\n')
    assert Catalogue.load(path)["m"].name == "M"


def test_bytes_that_are_not_utf8_are_an_input_error(tmp_path: Path) -> None:
    """A file in another encoding is named, not a UnicodeDecodeError."""
    path = tmp_path / "models.toml"
    path.write_bytes('[models."m"]\nname = "模型"'.encode("gbk"))
    with pytest.raises(InputError, match=r"models\.toml"):
        Catalogue.load(path)


def test_where_the_users_file_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """WCODE_CATALOGUE names it, else it is models.toml in the user's configuration folder."""
    monkeypatch.setenv("WCODE_CATALOGUE", str(tmp_path / "mine.toml"))
    assert user_file() == tmp_path / "mine.toml"
    monkeypatch.delenv("WCODE_CATALOGUE")
    assert user_file().name == "models.toml"
    assert "wcode_jupyter" in user_file().parts
