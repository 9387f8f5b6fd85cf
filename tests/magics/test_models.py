"""`%wcode models`: the list, and the card of one model."""

from __future__ import annotations

import pytest

from wcode_jupyter.catalogue import Catalogue
from wcode_jupyter.language import speaking
from wcode_jupyter.magics.commands.models import card

CATALOGUE = Catalogue.load()


def facts(model: str) -> dict[str, str]:
    return dict(card(CATALOGUE[model]).rows)


def test_the_card_of_a_model_says_what_its_page_says() -> None:
    """By hand from the page of Qwen 3.6 Plus; 1000 tokens each way cost 0.0021 + 0.0129 yuan."""
    found = facts("qwen3.6-plus")
    listed = found.pop("parameters listed")
    assert found == {
        "model": "qwen3.6-plus",
        "name": "Qwen 3.6 Plus",
        "series": "Qwen",
        "capabilities": "text, reasoning, vision",
        "context": "1,024,000",
        "max output": "64,000",
        "¥ / 1000 tokens: input → output": "0.0021 → 0.0129 (≤ 256,000); 0.0085 → 0.05",
        "example: 1000 tokens in, 1000 out": "¥0.0150",
        "not listed": "reasoning",
        "OpenAI form": "yes",
        "Anthropic form": "not stated",
        "key from": "https://platform.wcode.net",
        "list of models": "not stated",
        "tools on its page": "OpenClaw, OpenCode, Roo Code, Kilo Code, Cline",
    }
    assert listed.startswith("20: temperature, ")


@pytest.mark.parametrize("model", CATALOGUE)
def test_the_card_speaks_chinese(model: str) -> None:
    """The words of the pages for what a model can do."""
    with speaking("zh_CN"):
        shown = repr(card(CATALOGUE[model]))
    assert "文本生成" in shown
    assert "not stated" not in shown
