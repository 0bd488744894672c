"""The token and a password leave by the one request that needs them; no outcome, error or log line repeats them."""

from __future__ import annotations

import copy
import hashlib
import logging
import pickle
import socket
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.core.model.message import packed_text, text
from reconciler.core.model.secret import Secret
from reconciler.errors import VendorError
from reconciler.settings import Connection
from reconciler.vendor.answer import Lost, NotSent, Ok, Outcome, Refused
from tests.vendor.line import PASSWORD, TOKEN, Line, line
from tests.vendor.vendor_stub import Answer, Stub, closed, cut, envelope, garbage, hangs, redirect, reply

MD5 = hashlib.md5(PASSWORD.encode(), usedforsecurity=False).hexdigest()
QUOTES = f"token {TOKEN} 与密码 {PASSWORD} 或 {MD5} 不符, 再说一遍: {TOKEN}"

ANSWERS: dict[str, Answer] = {
    "accepted": envelope(),
    "refused": envelope(20001, QUOTES),
    "refused with 400": envelope(20001, QUOTES, status=400),
    "token refused": envelope(401, QUOTES, status=401),
    "token refused in HTML": reply(403, QUOTES.encode()),
    "too many": envelope(1, QUOTES, status=429),
    "server error": envelope(1, QUOTES, status=500),
    "success with 400": envelope(200, QUOTES, status=400),
    "no envelope": reply(body=QUOTES.encode()),
    "no code": envelope(None, QUOTES),
    "redirect": redirect(307, f"http://other.invalid/?{TOKEN}"),
    "closed": closed(),
    "cut": cut(QUOTES.encode(), 20),
    "no HTTP": garbage(QUOTES.encode() + b"\r\n\r\n"),
    "echoed header": garbage(f"HTTP/1.1 200 OK\r\ntoken: {TOKEN}\r\n{TOKEN}\r\n\r\n".encode()),
    "unknown encoding": reply(headers={"Content-Encoding": TOKEN}),
    "nothing": hangs(),
}
WRITES: dict[str, Callable[[Line], Outcome]] = {
    "create": lambda client: client.writer.create(("8001",), {}, Secret(PASSWORD)),
    "password": lambda client: client.writer.password("8001", Secret(PASSWORD)),
    "edit": lambda client: client.writer.edit("8001", {}),
    "delete": lambda client: client.writer.delete(("8001",)),
}
SECRETS = (TOKEN, PASSWORD, MD5)


def shown(value: object) -> str:
    """Every way in which a value ends up in a text."""
    return f"{value} {value!r} {value:}" + "".join(map(str, getattr(value, "args", ())))


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_an_outcome_never_holds_the_token(
    vendor: Stub, hasty: Line, write: Callable[[Line], Outcome], answer: Answer
) -> None:
    """Whatever the vendor answers, quotes of the token included, no outcome's text has it."""
    vendor.script(answer)
    assert TOKEN not in shown(write(hasty))


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize(("write", "secret"), [("create", PASSWORD), ("password", MD5)])
def test_an_outcome_never_holds_the_password(
    vendor: Stub, hasty: Line, write: str, secret: str, answer: Answer
) -> None:
    """Nor the password, in the form in which the call sends it."""
    vendor.script(answer)
    assert secret not in shown(WRITES[write](hasty))


@pytest.mark.parametrize("answer", [*ANSWERS.values()][1:], ids=[*ANSWERS][1:])
def test_an_error_never_holds_the_token(vendor: Stub, hasty: Line, answer: Answer) -> None:
    """A read that fails raises an error whose text, hint and traceback do not have the token."""
    vendor.script(answer)
    with pytest.raises(VendorError) as caught:
        hasty.reader.listing()
    told = "".join(traceback.format_exception(caught.value)) + shown(caught.value) + repr(vars(caught.value))
    assert TOKEN not in told


@pytest.mark.parametrize(("answer", "kind"), [("refused", Refused), ("token refused", Refused), ("server error", Lost)])
def test_a_quoted_secret_is_masked(
    vendor: Stub, client: Line, answer: str, kind: type[Refused | NotSent | Lost]
) -> None:
    """The vendor's words stay, and three stars stand for each secret in them."""
    vendor.script(ANSWERS[answer])
    outcome = WRITES["create"](client)
    assert isinstance(outcome, kind)
    assert f"token *** 与密码 *** 或 {MD5} 不符, 再说一遍: ***" in str(outcome)
    assert TOKEN not in repr(packed_text(outcome.words)), "no value of the words holds it either"


def test_words_without_a_secret_stay(vendor: Stub, client: Line) -> None:
    """A body without a password does not mask anything else: the empty text is no secret."""
    vendor.script(envelope(20004, "坐席 8001 不存在"))
    assert client.edit() == Refused(20004, text("坐席 8001 不存在"))


@pytest.mark.parametrize("token", ["canary\nvalue", "canary\r\nX-Evil: 1", "canary\x00value", "canary\x7f\n"])
def test_a_token_that_no_header_can_carry(vendor: Stub, token: str) -> None:
    """An illegal header is not sent, and the library's message, which quotes it, is not repeated."""
    with line(vendor.url, token=token) as client:
        outcome = client.edit()
    assert isinstance(outcome, NotSent)
    assert str(outcome) == "not sent: the request could not be built"
    assert "canary" not in shown(outcome)
    assert vendor.requests == []


def test_no_connection_shows_nothing() -> None:
    """A connection that fails names the host and not the token."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with line(f"http://127.0.0.1:{taken.getsockname()[1]}") as client:
            outcome = WRITES["create"](client)
    assert isinstance(outcome, NotSent)
    assert not [secret for secret in SECRETS if secret in shown(outcome)]


@pytest.mark.exhaustive(3)
@pytest.mark.parametrize(
    "answer",
    [envelope(), envelope(20001, "x"), reply(429), reply(500), redirect(307, "/"), closed(), garbage(b"\0"), hangs()],
    ids=("accepted", "refused", "429", "500", "redirect", "closed", "no HTTP", "nothing"),
)
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_the_logs_of_the_libraries(
    vendor: Stub, hasty: Line, caplog: pytest.LogCaptureFixture, write: Callable[[Line], Outcome], answer: Answer
) -> None:
    """With every logger at its most talkative, no secret that we send is in a log line."""
    caplog.set_level(logging.DEBUG)
    vendor.script(answer)
    write(hasty)
    told = "\n".join(record.getMessage() for record in caplog.records)
    assert "send_request_headers" in told
    assert not [secret for secret in SECRETS if secret in told]


def test_a_setting_masks_its_token() -> None:
    """The settings can be shown."""
    assert TOKEN not in shown(Connection("https://vendor.example", Secret(TOKEN)))


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.deepcopy, copy.copy])
def test_settings_are_not_copied(duplicate: Callable[[Any], Any]) -> None:
    """What holds a secret can be neither pickled nor copied."""
    with pytest.raises(TypeError, match="Secret"):
        duplicate(Secret(TOKEN))


def test_the_token_is_sent_with_every_request(vendor: Stub, client: Line) -> None:
    """The one place where the token must be is the header of each request."""
    outcomes = [write(client) for write in WRITES.values()]
    assert [seen.headers["token"] for seen in vendor.requests] == [TOKEN] * 4
    assert outcomes[1:] == [Ok(None)] * 3
