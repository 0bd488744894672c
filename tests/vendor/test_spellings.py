"""In whatever spelling the vendor repeats a secret: it is masked, or the vendor's words are left out."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.model.message import packed_text
from reconciler.core.model.secret import Secret
from reconciler.vendor.answer import Refused
from reconciler.vendor.spellings import LEFT_OUT, MASK, without_secrets
from tests.vendor.line import TOKEN, Line
from tests.vendor.vendor_stub import Stub, envelope

Spell = Callable[[str], str]
SPELLINGS: dict[str, Spell] = {
    "plain": lambda text: text,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON, not ASCII": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON with slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON, all": lambda text: "".join(f"\\u{ord(each):04X}" for each in text),
    "HTML": html.escape,
    "HTML, no quotes": lambda text: html.escape(text, quote=False),
    "HTML, decimal": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(each):X};" for each in text),
    "URL": lambda text: quote(text, safe=""),
    "URL, small": lambda text: quote(text, safe="").replace("%C3", "%c3"),
    "URL, slashes": quote,
    "URL, plus": quote_plus,
    "URL, all": lambda text: "".join(f"%{each:02x}" for each in text.encode()),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "hexadecimal": lambda text: text.encode().hex(),
    "HEXADECIMAL": lambda text: text.encode().hex().upper(),
}
DISGUISES: dict[str, Spell] = {
    "UPPER CASE": str.upper,
    "full width": lambda text: "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in text),
    "blanks between": " ".join,
    "the whole body": lambda text: base64.b64encode(json.dumps({"id": "8001", "password": text}).encode()).decode(),
}
ASCII = "".join(map(chr, range(0x20, 0x7F)))
secrets = st.text(ASCII + "äß密码", min_size=6, max_size=32).filter(
    lambda text: len("".join(text.split())) > 5 and any(each.isalpha() for each in text) and "*" not in text
)


ALL = {**SPELLINGS, **DISGUISES}


@pytest.mark.parametrize("token", ["", "x", "ok"])
def test_a_token_that_hides_nothing_hides_no_words(token: str) -> None:
    """One or two characters stand in any text: who rehearses with such a token still reads what went wrong."""
    words = "no connection to 127.0.0.1 (it took too long: next try), ok"
    assert without_secrets(words, [token]) == words
    assert without_secrets(words, ["ext"]) != words


@given(secrets, st.sampled_from(sorted(ALL)), st.sampled_from(sorted(SPELLINGS)), st.integers(0, 3))
def test_no_spelling_is_shown(secret: str, first: str, second: str, before: int) -> None:
    """Spelled anew once or twice, in the middle of other words: three stars in its place, or none of the words."""
    words = f"参数错误{'x' * before}「{{}}」请重试"
    told = without_secrets(words.format(SPELLINGS[second](ALL[first](secret))), ["canary-of-the-token", secret])
    if told != LEFT_OUT:  # of an escape a part may be left
        assert MASK in told
        assert not any(secret[start : start + 4] in told for start in range(len(secret) - 3))


@pytest.mark.parametrize("spell", ALL.values(), ids=ALL)
def test_an_outcome_repeats_no_spelling(vendor: Stub, client: Line, spell: Spell) -> None:
    """An answer's words come to nobody before that: neither token nor password, alone or in the request's body."""
    password = 'Zä"q&<w/+k'
    for secret in (TOKEN, password, json.dumps({"operatorId": "8001", "password": password})):
        vendor.script(envelope(20001, f"参数错误: {spell(secret)}"))
        outcome = client.writer.create(("8001",), {}, Secret(password))
        assert isinstance(outcome, Refused)
        assert outcome.code == 20001
        assert outcome.message == LEFT_OUT or MASK in outcome.message
        assert spell(secret) not in outcome.message
        assert spell(secret) not in repr(packed_text(outcome.message)[1])


@pytest.mark.parametrize(
    "words",
    [
        "参数错误: Zäq&w-k1",
        "参数错误: …q&w-k123456",
        '参数错误: {"password":"Zäq&w...',
        '参数错误: {"password":"Zäq&w',
        base64.b64encode("Zäq&w-k1".encode()).decode().lower(),
    ],
)
def test_a_part_of_a_secret(words: str) -> None:
    """Words that hold a part of a secret, or are cut off in it, are left out."""
    assert without_secrets(words, ["Zäq&w-k123456789"]) == LEFT_OUT


@pytest.mark.parametrize(
    "words",
    [
        "坐席 8001 不存在",
        "工号600001已存在",
        "password is too short, code 30012",
        "50% of 100&gt; done \\u5750",
        "a" * 900,
    ],
)
def test_other_words_stay(words: str) -> None:
    """What has nothing of a secret is told as it is, an agent's number included that a password begins with."""
    assert without_secrets(words, ["600001-Xy", "canary-of-the-token", ""]) == words


def test_words_without_end() -> None:
    """Of words without end a beginning is kept."""
    assert len(without_secrets("错" * 1_000_000, ["canary-of-the-token"])) < 5000
