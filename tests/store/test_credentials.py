"""What counts as a credential and what does not. All keys here are made up."""

from __future__ import annotations

import pytest

from wcode_jupyter.store.credentials import find

RANDOM = "Zx81Qw93Er45Ty67Ui01Op23As45Df67Gh89Jk"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"my key is sk-{RANDOM}", "API key"),
        (f"sk-proj-{RANDOM}", "API key"),
        (f"我的密钥是sk-{RANDOM}。", "API key"),
        (f"sk-or-v1-{RANDOM}", "API key"),
        (f"curl -H 'Authorization: Bearer {RANDOM}'", "authorization"),
        ("aws AKIA" + "Z7Q3M5K9T1X4B8N2", "AWS"),
        (f"ghp_{RANDOM}", "GitHub"),
        (f"AIza{RANDOM[:35]}", "Google"),
        (f"xoxb-{RANDOM}", "Slack"),
        (f"hf_{RANDOM}", "Hugging Face"),
        ("智谱密钥0123456789abcdef0123456789abcdef.Zx81Qw93Er45Ty67", "Zhipu"),
        ("LTAI" + "5tQ9vX2kLmN8pRsT4uVw", "Alibaba"),
        ("AKID" + "z8krbsJ5yKBZQpn74WFkmLPx3gnPhESA", "Tencent"),
        (f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.{RANDOM}", "JWT"),
        (f"glpat-{RANDOM[:20]}", "access token"),
        (f"gsk_{RANDOM}", "access token"),
        ("postgresql://ann:Zx81Qw93Er@db.example.org/papers", "password in an address"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7", "private key"),
        (f'api_key="{RANDOM}"', "assignment"),
        (f"PASSWORD: {RANDOM}", "assignment"),
        (f"密钥：{RANDOM}", "assignment"),
        (f'{{"secret": "{RANDOM}"}}', "assignment"),
    ],
)
def test_found(text: str, kind: str) -> None:
    """Each shape of key is named by its kind, in the prompt as in the answer, and the value is never told."""
    prompt = {"request": {"messages": ({"role": "user", "content": text},)}}
    for reply, place in ((prompt, "the prompt"), ({"choices": [{"text": text}]}, "the answer")):
        finding = find(reply)
        assert finding is not None
        assert kind in finding.kind
        assert finding.place == place
        assert RANDOM[:8] not in " ".join(finding)


@pytest.mark.parametrize(
    "text",
    [
        "sk-learn-contrib-estimators is a package",
        "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "Authorization: Bearer YOUR_API_KEY_GOES_RIGHT_HERE",
        "Authorization: Bearer $WCODE_API_KEY",
        "AKIAIOSFODNN7EXAMPLE",
        'api_key="your-api-key-here-please-replace"',
        "api_key=os.environ['WCODE_API_KEY']",
        "max_tokens: 1000000000000000000000000",
        "tokens = tokenizer.encode(text, add_special_tokens=False)",
        "The password is hunter2.",
        "postgresql://user:password@localhost:5432/papers",
        "http://localhost:8888/lab and http://127.0.0.1:8889/tree: see a@b.example",
        "d41d8cd98f00b204e9800998ecf8427e.jpg",
        "the npm_config_registry_of_this_machine and gsk_something_that_is_a_plain_name",
        "eyJhbGciOiJIUzI1NiJ9 is the head of a JWT",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "a task-based-approach-with-many-parts-2024 to risk",
        "https://example.org/files/0123456789abcdef0123456789abcdef",
    ],
)
def test_not_found(text: str) -> None:
    """Placeholders, examples and prose are no keys."""
    assert find({"choices": [{"text": text}], "request": {"messages": [{"content": text}]}}) is None


def test_known_key_in_a_name() -> None:
    """The caller's predicate sees every text, also the names of fields."""
    finding = find({"raw": {"open sesame": 1}}, lambda text: "sesame" in text)
    assert finding is not None
    assert finding.place == "the server's extra fields"
