"""What counts as a credential and what does not. All keys here are made up."""

from __future__ import annotations

import pytest

from wcode_jupyter.store.credentials import find, redacted

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
        ("password='Tr0ub4dor&3x'", "assignment"),
        ("{'password': 'correcthorse1'}", "assignment"),
        ('DB_PWD = "k9!wq2"', "assignment"),
        ("密码：“x”，密码='q7#人人人w2'", "assignment"),
        ("mysql://root:pass1@h", "password in an address"),
        ("redis://:@h mongodb+srv://ann:p4ss@c0.example.net/db", "password in an address"),
        (f"Authorization: Basic {RANDOM}", "authorization"),
        *(
            (f"{prefix}{RANDOM}", "access token")
            for prefix in (
                *("sk_live_", "rk_live_", "whsec_", "sq0csp-", "glrt-", "gldt-", "npm_", "pypi-", "rubygems_"),
                *(
                    "dckr_pat_",
                    "sgp_",
                    "lin_api_",
                    "ntn_",
                    "secret_",
                    "figd_",
                    "CFPAT-",
                    "xai-",
                    "tvly-",
                    "r8_",
                    "pplx-",
                ),
                *("fw_", "nvapi-", "AQVN", "ya29.", "GOCSPX-", "SG.", "shpat_", "dop_v1_", "HRKU-", "hvs.", "pul-"),
                *("tskey-auth-", "ATATT3xFfGF0", "pat-na1-", "glsa_", "glc_", "NRAK-", "PMAK-", "sntrys_", "xapp-1-"),
            )
        ),
        (f"dapi{'0f1e2d3c4b5a6978' * 2}", "access token"),
        (f"AGE-SECRET-KEY-1{RANDOM.upper()}{RANDOM.upper()[:20]}", "access token"),
        (f"bce-v3/ALTAK-{RANDOM}/{RANDOM}", "Baidu"),
        (f"123456789:AA{RANDOM[:33]}", "bot"),
        (f"M{RANDOM[:23]}.Gh12Kl.{RANDOM[:30]}", "bot"),
        (f"https://hooks.slack.com/services/T0{RANDOM[:8]}/B0{RANDOM[8:16]}/{RANDOM[:24]}", "webhook"),
        (f"https://discord.com/api/webhooks/123456789012345678/{RANDOM}{RANDOM[:30]}", "webhook"),
        (f"DefaultEndpointsProtocol=https;AccountKey={RANDOM}{RANDOM}==", "Azure"),
        (f"https://h/blob?sv=1&sig={RANDOM}%3D", "signed address"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQVYBGPGP0EBDADAx9", "private key"),
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
    assert redacted(text) != text
    assert RANDOM not in redacted(text)


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
        "password='your-password-1'",
        'password = "changeme1"',
        "password = 'secret'",
        "PASSWORD='${DB_PASSWORD_1}'",
        "password: '12345678'",
        "mysql://user:password1@localhost",
        "mysql://user:<password>@localhost and http://h:8080/a@b",
        "fw_forward_pass_of_the_network_layer_2 and secret_sauce_of_this_recipe_number_1",
        "pul-verised, npm_package_config_of_the_build_1, r8_of_the_cpu_is_a_register_name",
        "A key-value store and key-0123456789",
        "time 12:34:56, ratio 123456789:AAAA, 10.0.0.1:AA",
        "My.dotted.name_of_a_module_with_many_parts.and_more_of_it",
        "hooks.slack.com/services/T000/B000/XXXX",
        "GET /search?sig=none&sigma=1",
        "AccountKey=your-account-key-goes-here",
        "uuid 123e4567-e89b-12d3-a456-426614174000",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\nmQINBFit2ioBEADhWpZ8",
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
