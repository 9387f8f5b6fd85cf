"""Keys: found for their own origin alone, shown to nobody, and removed from what servers say."""

from __future__ import annotations

import base64
import copy
import pickle
import sys
import traceback
import types
import urllib.parse

import pytest

from wcode_jupyter.errors import InputError
from wcode_jupyter.keys import EnvironmentKey, Keys, Secret, origin_of

KEY = "sk-Aq3mV0xTz81Lw7RbKc52"
OTHER = "sk-another-9f8e7d6c5b4a"
GATEWAY = "https://wcode.net"
LOCAL = "http://127.0.0.1:8080"


class FakeKeyring(types.ModuleType):
    """Stands for the `keyring` package; `broken` raises at every call, as a locked desktop does."""

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__("keyring")
        self.broken = broken
        self.kept: dict[tuple[str, str], str] = {}
        self.asked: list[tuple[str, str]] = []

    def get_password(self, service: str, user: str) -> str | None:
        self._check()
        self.asked.append((service, user))
        return self.kept.get((service, user))

    def set_password(self, service: str, user: str, value: str) -> None:
        self._check()
        self.kept[service, user] = value

    def delete_password(self, service: str, user: str) -> None:
        self._check()
        del self.kept[service, user]

    def _check(self) -> None:
        if self.broken:
            raise RuntimeError("locked")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WCODE_API_KEY", "WCODE_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "keyring", None)


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> FakeKeyring:
    fake = FakeKeyring()
    monkeypatch.setitem(sys.modules, "keyring", fake)
    return fake


def revealed(keys: Keys, origin: str) -> str | None:
    secret = keys.find(origin)
    return None if secret is None else secret.reveal()


def test_a_secret_gives_its_value_to_reveal_alone() -> None:
    """No way of showing a Secret shows its value."""
    secret = Secret(KEY)
    assert secret.reveal() == KEY
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>40}",
        "{}".format(secret),  # noqa: UP032
        repr([secret]),
        repr(copy.copy(secret)),
    ]
    shown += [repr(copy.deepcopy({"key": secret})), repr({name: getattr(secret, name) for name in dir(secret)})]
    assert not [text for text in shown if KEY in text]
    assert not hasattr(secret, "__dict__")


def test_a_secret_cannot_be_pickled_or_changed() -> None:
    """A key leaves the process by no pickle, at no protocol."""
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(Secret(KEY), protocol)
    with pytest.raises(AttributeError):
        Secret(KEY)._reveal = lambda: ""  # type: ignore[misc]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://wcode.net/api/gpt/v1", "https://wcode.net"),
        ("HTTPS://WCode.NET:443/", "https://wcode.net"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080"),
        ("http://localhost:80", "http://localhost"),
        ("http://[::1]:9/v1", "http://[::1]:9"),
        ("  https://wcode.net\n", "https://wcode.net"),
        ("https://例子.测试/v1", "https://xn--fsqu00a.xn--0zwm56d"),
    ],
)
def test_an_origin_has_one_spelling(url: str, origin: str) -> None:
    """The same server is the same origin however its address is written."""
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url", ["", "wcode.net", "ftp://wcode.net", "https://", "http://h:99999", "http://[::1", "https://u:pw@"]
)
def test_what_is_no_address_is_an_error_that_does_not_quote_it(url: str) -> None:
    """An address may hold a password, so the error never repeats it."""
    with pytest.raises(InputError) as caught:
        origin_of(url)
    assert "pw" not in str(caught.value)


def test_the_sources_in_their_order(monkeypatch: pytest.MonkeyPatch, keyring: FakeKeyring) -> None:
    """Argument, then %wcode key set, then the environment, then the keyring."""
    keyring.kept["wcode_jupyter", GATEWAY] = "from-keyring"
    keys = Keys()
    assert (revealed(keys, GATEWAY), keys.source(GATEWAY)) == ("from-keyring", "keyring")
    monkeypatch.setenv("WCODE_API_KEY", "from-environment")
    assert (revealed(keys, GATEWAY), keys.source(GATEWAY)) == ("from-environment", "WCODE_API_KEY")
    keys.set(GATEWAY, "from-set")
    assert (revealed(keys, GATEWAY), keys.source(GATEWAY)) == ("from-set", "%wcode key set")
    given = Keys("from-argument")
    given.set(GATEWAY, "from-set")
    assert (revealed(given, GATEWAY), given.source(GATEWAY)) == ("from-argument", "argument")


def test_a_key_belongs_to_one_origin() -> None:
    """Another scheme, host or port has no key."""
    keys = Keys(KEY, base_urls=[LOCAL + "/v1"])
    assert revealed(keys, LOCAL) == KEY
    for other in (GATEWAY, "http://127.0.0.1:8081", "https://127.0.0.1:8080", "http://localhost:8080"):
        assert keys.find(other) is None
        assert keys.source(other) is None


def test_the_environment_is_read_at_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting, binding and unsetting WCODE_API_KEY works after the Keys were made; blank is unset."""
    keys = Keys(keyring=False)
    assert keys.find(GATEWAY) is None
    monkeypatch.setenv("WCODE_API_KEY", f" {KEY}\n")
    assert revealed(keys, GATEWAY) == KEY
    monkeypatch.setenv("WCODE_BASE_URL", LOCAL + "/v1")
    assert keys.find(GATEWAY) is None
    assert revealed(keys, LOCAL) == KEY
    monkeypatch.setenv("WCODE_BASE_URL", "not an address")
    assert keys.find(GATEWAY) is None
    monkeypatch.setenv("WCODE_API_KEY", "  ")
    monkeypatch.delenv("WCODE_BASE_URL")
    assert keys.find(GATEWAY) is None


def test_other_names_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Further pairs of variables bind their key to their own base URL, or to their default."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    keys = Keys(environment=[EnvironmentKey("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "https://api.anthropic.com")])
    assert revealed(keys, "https://api.anthropic.com") == KEY
    assert keys.find(GATEWAY) is None
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://wcode.net/api/anthropic")
    assert revealed(keys, GATEWAY) == KEY


@pytest.mark.parametrize(
    "bad", ["sk-ab cd-efgh", "sk-密钥-efgh", "sk-ab\ncd-efgh", "sk-ab\tcd-efgh", "sk-ab\x00cd-efgh"]
)
def test_what_cannot_be_a_key_is_refused_without_quoting_it(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged key raises InputError, in whose text and frames of this module it does not stand."""
    keys = Keys(keyring=False)
    attempts = [lambda: Keys(bad), lambda: keys.set(GATEWAY, bad), lambda: keys.keyring_store(GATEWAY, bad)]
    if "\x00" not in bad:
        monkeypatch.setenv("WCODE_API_KEY", bad)
        attempts.append(lambda: keys.find(GATEWAY))
    for attempt in attempts:
        with pytest.raises(InputError) as caught:
            attempt()
        assert bad not in str(caught.value)
        frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
        assert not [
            name
            for frame in frames
            if frame.filename.endswith("wcode_jupyter/keys.py")
            for name, value in (frame.locals or {}).items()
            if "efgh" in value
        ]
    assert keys.source(GATEWAY) in (None, "WCODE_API_KEY")


def test_an_empty_key_is_not_set() -> None:
    """%wcode key set with nothing typed is an error, and an empty argument is no argument."""
    with pytest.raises(InputError):
        Keys().set(GATEWAY, " \n")
    assert Keys("  ").find(GATEWAY) is None


def test_forget_removes_what_was_set_and_what_the_keyring_kept(keyring: FakeKeyring) -> None:
    """After forget the origin has no key, and forget says whether there was one."""
    keys = Keys()
    assert keys.forget(GATEWAY) is False
    keys.set(GATEWAY, KEY)
    keys.keyring_store(GATEWAY, OTHER)
    assert keyring.kept == {("wcode_jupyter", GATEWAY): OTHER}
    assert keys.forget(GATEWAY) is True
    assert keyring.kept == {}
    assert keys.find(GATEWAY) is None


def test_a_stored_key_is_found_at_once_and_asked_for_once(keyring: FakeKeyring) -> None:
    """The keyring, which may be slow or ask the user, is read once for each origin."""
    keys = Keys()
    assert keys.find(GATEWAY) is None
    assert keys.find(GATEWAY) is None
    assert keyring.asked == [("wcode_jupyter", GATEWAY)]
    keys.keyring_store(GATEWAY, KEY)
    assert revealed(keys, GATEWAY) == KEY
    assert len(keyring.asked) == 1


def test_a_keyring_that_fails_is_no_key(keyring: FakeKeyring) -> None:
    """A locked or absent keyring never breaks a request; storing into it says so without the key."""
    keyring.broken = True
    keys = Keys()
    assert keys.find(GATEWAY) is None
    assert keys.forget(GATEWAY) is False
    with pytest.raises(InputError) as caught:
        keys.keyring_store(GATEWAY, KEY)
    assert "RuntimeError" in str(caught.value)
    assert KEY not in str(caught.value)


def spellings() -> list[str]:
    bearer = base64.b64encode(f"Bearer {KEY}".encode()).decode()
    return [
        KEY,
        KEY.upper(),
        f"Bearer {KEY}",
        KEY[:12],
        KEY[-12:],
        KEY[4:18],
        urllib.parse.quote("a/b+" + KEY),
        base64.b64encode(KEY.encode()).decode(),
        bearer,
        base64.urlsafe_b64encode(f"x:{KEY}".encode()).decode(),
        f"{KEY}{KEY}",
    ]


@pytest.mark.parametrize("text", spellings())
def test_redact_finds_the_key_in_every_dress(text: str) -> None:
    """Whole, in part, in capitals, quoted for an address, in base64: no 12 characters of the key are left."""
    clean = Keys(KEY, keyring=False).redact(f"wrong key «{text}» given")
    assert clean.startswith("wrong key «")
    assert clean.endswith("» given")
    assert "•••" in clean
    bits = base64.b64encode(KEY.encode()).decode()
    for whole in (KEY.lower(), bits.lower()):
        assert not [start for start in range(len(whole) - 11) if whole[start : start + 12] in clean.lower()]


def test_redact_knows_the_keys_of_every_source(monkeypatch: pytest.MonkeyPatch, keyring: FakeKeyring) -> None:
    """A key is redacted wherever it came from, also on another origin's errors."""
    keyring.kept["wcode_jupyter", "https://a.example"] = "key-from-the-keyring"
    monkeypatch.setenv("WCODE_API_KEY", "key-from-environment")
    keys = Keys("key-from-argument")
    keys.set(LOCAL, "key-from-set-command")
    keys.find("https://a.example")
    text = "key-from-argument key-from-set-command key-from-environment key-from-the-keyring"
    assert keys.redact(text) == "••• ••• ••• •••"


def test_redact_leaves_other_text_alone() -> None:
    """Text without the key stays as it is, and words that stand for "no key" are no secrets."""
    keys = Keys("x", keyring=False)
    text = "x marks the spot: ein Satz mit ß, İ and 中文"
    assert keys.redact(text) == text
    assert Keys(KEY, keyring=False).redact(text + KEY[:11]) == text + KEY[:11]
    assert Keys(KEY, keyring=False).redact("İ" * 50 + KEY) == "İ" * 50 + "•••"
