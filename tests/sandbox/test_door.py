"""What is refused before any endpoint is reached: headers, bodies, paths, the rate; and the company."""

from __future__ import annotations

import json

import pytest

from reconciler.sandbox.answers import RefusedError
from reconciler.sandbox.door import Door, TokenBucket
from reconciler.sandbox.server import Box, SandboxOptions, running
from reconciler.sandbox.vendor import VendorCompany

from .client import JSON, PREFIX, Client

BODY = b'{"abbreviate": "acme"}'


@pytest.mark.parametrize("token", [None, ""])
def test_some_token_is_needed(client: Client, token: str | None) -> None:
    """Without a token the answer is HTTP 401 and an envelope of code 401."""
    reply = client.raw("page", BODY, token=token)
    assert (reply.status, reply.envelope) == (401, {"code": 401, "msg": "token无效或已过期"})


@pytest.mark.parametrize(
    ("token", "status"), [("right", 200), ("wrong", 401), ("Right", 401), ("righ", 401), ("é", 401)]
)
def test_the_right_token_is_needed(token: str, status: int) -> None:
    """With a token set, only that one is accepted."""
    with running(token="right") as box:
        assert Client(box.url).raw("page", BODY, token=token).status == status


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_the_content_type_is_needed(client: Client, content_type: str) -> None:
    """A body that is not declared to be JSON is HTTP 415."""
    reply = client.raw("page", BODY, content_type=content_type)
    assert (reply.status, reply.envelope["code"]) == (415, 415)


def test_the_content_type_may_name_a_charset(client: Client) -> None:
    """Parameters of the content type do no harm."""
    assert client.raw("page", BODY, content_type="application/json; charset=utf-8").status == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"abbreviate": "acme",}', b"\xff\xfe\xfd", b'"acme"', b"[]", b"null", b"[" * 100_000, b"9" * 5000],
)
def test_a_body_that_is_no_json_object(client: Client, body: bytes) -> None:
    """What is no JSON, or no object, is HTTP 400 with an envelope."""
    reply = client.raw("page", body)
    assert (reply.status, reply.envelope["code"]) == (400, 400)


def test_a_body_that_is_too_large(client: Client) -> None:
    """More than 16 MiB is HTTP 413 with an envelope."""
    reply = client.raw("page", b" " * (16 * 2**20 + 1))
    assert (reply.status, reply.envelope["code"]) == (413, 413)


@pytest.mark.parametrize("path", ["/", PREFIX, PREFIX + "create", PREFIX + "page/", PREFIX + "Page", "/page", "page"])
def test_an_unknown_path(client: Client, path: str) -> None:
    """Any other path is HTTP 404 with an envelope."""
    reply = client.send("/" + path.lstrip("/"), BODY, {"token": "t", "Content-Type": JSON})
    assert (reply.status, reply.envelope) == (404, {"code": 404, "msg": "接口不存在"})


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post(client: Client, method: str) -> None:
    """Another method on a known path is HTTP 405 with an envelope."""
    reply = client.send(PREFIX + "page", BODY, {"token": "t", "Content-Type": JSON}, method)
    assert (reply.status, reply.envelope["code"]) == (405, 405)


def test_answers_are_json(client: Client) -> None:
    """Answers are declared as JSON in UTF-8."""
    assert client.raw("page", BODY).headers["Content-Type"] == "application/json; charset=utf-8"


def test_too_many_requests() -> None:
    """Past the rate the answer is HTTP 429 with Retry-After: 1 and an envelope, whatever was asked."""
    with running(rate=0.001) as box:
        client = Client(box.url)
        assert client.raw("page", BODY).status == 200
        for reply in (client.raw("page", BODY), client.raw("nothing", b"", token=None)):
            assert (reply.status, reply.envelope["code"], reply.headers["Retry-After"]) == (429, 429, "1")


def test_the_bucket_fills_again() -> None:
    """Two a second: two at once, none at once after them, one half a second later, never more than two."""
    now = 0.0
    bucket = TokenBucket(2, lambda: now)
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    now = 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]
    now = 100.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]


def test_a_door_with_no_rate_counts_nothing() -> None:
    """Without a rate every request may come in, and the token is still asked for."""
    door = Door()
    door.count()
    with pytest.raises(RefusedError):
        door.admit("")


def test_what_the_door_refuses_is_no_history(box: Box, client: Client) -> None:
    """A write without token or with a body that is no JSON never reached the vendor."""
    client.raw("create/v2", BODY, token=None)
    client.raw("create/v2", b"{")
    assert box.store.history() == []


def test_latency_changes_no_answer() -> None:
    """With latency the answers are the same."""
    with running(latency=1) as box:
        assert Client(box.url).data("page")["total"] == 0


def test_the_success_code_can_be_another() -> None:
    """The success code is undocumented, so it is an option; history keeps the one answered."""
    with running(success_code=0) as box:
        assert Client(box.url).call("create/v2")["code"] == 0
        assert [written.code for written in box.store.history()] == [0]


@pytest.mark.parametrize(
    ("endpoint", "body", "code"),
    [
        ("page", {"abbreviate": "acme"}, 200),
        ("page", {"abbreviate": "other"}, 20009),
        ("create/v2", {"abbreviate": "acme", "companyId": 77}, 200),
        ("create/v2", {"abbreviate": "acme"}, 200),
        ("create/v2", {"abbreviate": "acme", "companyId": 78}, 20009),
        ("del/v2", {"abbreviate": "other", "companyId": 77, "operatorIds": ["1"]}, 20009),
        ("edit/v2", {"abbreviate": "acme", "companyId": 78, "operatorId": "1"}, 20009),
        ("one/v2", {"abbreviate": "acme", "companyId": 78, "operatorId": "1"}, 20009),
        ("editPwd", {"abbreviate": "acme", "companyId": 78, "operatorId": "1", "password": "0" * 32}, 20009),
    ],
)
def test_another_company_is_refused(endpoint: str, body: dict[str, object], code: int) -> None:
    """With a company set, another abbreviate, or another companyId where one is sent, is refused."""
    with running(company="acme:77") as box:
        assert Client(box.url).post(endpoint, body)["code"] == code


def test_rows_carry_the_company_id() -> None:
    """Rows carry the id of the company set."""
    with running(company="acme:77", agents=1) as box:
        assert Client(box.url).data("page")["result"][0]["companyId"] == 77


def test_a_company_without_id_takes_any_id() -> None:
    """A company set without an id checks the abbreviate alone."""
    with running(company="acme") as box:
        client = Client(box.url)
        assert client.code("create/v2", companyId=1) == 200
        assert client.post("create/v2", {"abbreviate": "Acme"})["code"] == 20009


def test_without_a_company_all_are_one_tenant(client: Client) -> None:
    """With none set, any abbreviate and companyId see the same agents."""
    client.post("create/v2", {"abbreviate": "a", "companyId": 1, "operatorId": "8001"})
    assert client.post("one/v2", {"abbreviate": "b", "companyId": 2, "operatorId": "8001"})["code"] == 200


@pytest.mark.parametrize("text", ["", ":1", "acme:", "acme:x", "acme:１", "acme:-1"])
def test_a_malformed_company(text: str) -> None:
    """A company that is not ABBREVIATE[:ID] is no option."""
    with pytest.raises(ValueError, match="company"):
        VendorCompany.parsed(text)
    with pytest.raises(ValueError, match="company"):
        SandboxOptions(company=text)


@pytest.mark.parametrize(
    "options",
    [
        {"agents": -1},
        {"agents": 800_001},
        {"port": -1},
        {"port": 65_536},
        {"latency": -1},
        {"sip_numbers": -1},
        {"rate": 0},
        {"token": ""},
    ],
)
def test_options_out_of_range(options: dict[str, object]) -> None:
    """An option out of its range is refused before anything is started."""
    with pytest.raises(ValueError, match=next(iter(options))), running(**options):
        pass


def test_json_may_come_in_any_unicode_encoding(client: Client) -> None:
    """JSON text in UTF-8 with real characters reads as well as escaped."""
    body = json.dumps({"abbreviate": "acme", "operatorId": "8001", "name": "张三"}, ensure_ascii=False).encode()
    assert client.raw("create/v2", body).envelope["code"] == 200
    assert client.data("one/v2", operatorId="8001")["name"] == "张三"
