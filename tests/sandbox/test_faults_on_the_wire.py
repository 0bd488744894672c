"""Each fault that answers or cuts at once: what the client sees on the wire, and what was committed."""

from __future__ import annotations

import http.client
import json
import zlib
from typing import Any

import pytest

from reconciler.sandbox.server import Box, running
from reconciler.sandbox.traffic import Attempt

from .client import Client, md5
from .wire import Wire, announced


@pytest.fixture
def stocked(box: Box) -> Box:
    """Three agents."""
    box.store.reset({"operatorId": f"800{n}", "name": "张三"} for n in (1, 2, 3))
    return box


def edit_under(box: Box, **rule: Any) -> Wire:
    """Sends one edit of agent 8001, which one rule hits."""
    box.faults([{"endpoint": "edit/v2", **rule}])
    return Wire(box).send("edit/v2", operatorId="8001", name="李四")


def assert_committed(box: Box, fault: str, committed: bool, code: int = 200) -> None:
    """The name, the history and the attempts all say the same."""
    assert box.store.agents()["8001"]["name"] == ("李四" if committed else "张三")
    assert [tuple(written) for written in box.store.history()] == [(1, "edit/v2", ["8001"], code, committed)]
    assert box.store.attempts() == [Attempt("edit/v2", ["8001"], fault, committed)]


@pytest.mark.parametrize(
    ("fault", "end", "committed", "code"),
    [
        ("drop-before", "closed", False, -1),
        ("drop-after", "closed", True, 200),
        ("reset-after", "reset", True, 200),
    ],
)
def test_a_connection_is_cut(stocked: Box, fault: str, end: str, committed: bool, code: int) -> None:
    """Not a byte comes back, the connection ends by FIN or by RST, and the write is done or not."""
    with edit_under(stocked, fault=fault) as wire:
        assert wire.rest() == (b"", end)
    assert_committed(stocked, fault, committed, code)


def test_a_connection_is_cut_in_the_middle_of_its_life(stocked: Box) -> None:
    """A connection that has carried answers before is cut as well."""
    stocked.faults([{"endpoint": "one/v2", "calls": [2], "fault": "drop-before"}])
    with Wire(stocked) as wire:
        assert wire.send("one/v2", operatorId="8001").answer().status == 200
        assert wire.send("one/v2", operatorId="8001").rest() == (b"", "closed")


def test_too_many_requests_with_a_pause(stocked: Box) -> None:
    """429 is HTTP 429 with an envelope and the Retry-After that was asked for; nothing is done."""
    with edit_under(stocked, fault=429, retryAfter=7) as wire:
        answer = wire.answer()
    assert (answer.status, answer.envelope["code"], answer.headers["Retry-After"]) == (429, 429, "7")
    assert_committed(stocked, "429", committed=False, code=429)


def test_too_many_requests_with_a_date(stocked: Box) -> None:
    """Retry-After may be any text."""
    date = "Wed, 21 Oct 2037 07:28:00 GMT"
    with edit_under(stocked, fault="429", retryAfter=date) as wire:
        assert wire.answer().headers["Retry-After"] == date


def test_too_many_requests_without_a_pause(stocked: Box) -> None:
    """Without retryAfter there is no such header."""
    with edit_under(stocked, fault="429") as wire:
        assert "Retry-After" not in wire.answer().headers


@pytest.mark.parametrize(("fault", "committed", "code"), [("5xx-before", False, -1), ("5xx-after", True, 200)])
@pytest.mark.parametrize(("options", "status"), [({}, 502), ({"status": 504}, 504), ({"status": 599}, 599)])
def test_a_gateway_page(
    stocked: Box, fault: str, committed: bool, code: int, options: dict[str, int], status: int
) -> None:
    """5xx is HTML with the status asked for, by default 502, before or after the write."""
    with edit_under(stocked, fault=fault, **options) as wire:
        answer = wire.answer()
    assert (answer.status, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert answer.body.startswith(b"<html>")
    assert_committed(stocked, fault, committed, code)


def test_an_envelope_that_says_500(stocked: Box) -> None:
    """envelope-5xx-after is HTTP 500 with a JSON envelope, after the write."""
    with edit_under(stocked, fault="envelope-5xx-after") as wire:
        answer = wire.answer()
    assert (answer.status, answer.envelope) == (500, {"code": 500, "msg": "服务器内部错误"})
    assert_committed(stocked, "envelope-5xx-after", committed=True)


@pytest.mark.parametrize(("fault", "committed", "code"), [("html", False, -1), ("html-after", True, 200)])
def test_a_login_page(stocked: Box, fault: str, committed: bool, code: int) -> None:
    """Html is HTTP 200 with a page that is no JSON, instead of the write or after it."""
    with edit_under(stocked, fault=fault) as wire:
        answer = wire.answer()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(answer.body)
    assert_committed(stocked, fault, committed, code)


def test_truncated_json(stocked: Box) -> None:
    """Truncated is valid HTTP, JSON by its header, as long as announced, and cut in the middle; after the write."""
    with edit_under(stocked, fault="truncated") as wire:
        answer = wire.answer()
        assert wire.send("one/v2", operatorId="8001").answer().status == 200
    assert int(answer.headers["Content-Length"]) == len(answer.body) > 0
    assert answer.body.startswith(b'{"code": 200')
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|utf-8"):
        json.loads(answer.body)
    assert stocked.store.history()[0].committed


def test_a_short_answer(stocked: Box) -> None:
    """Cut announces the whole answer, sends half of it and closes; after the write."""
    with edit_under(stocked, fault="cut") as wire:
        received, end = wire.rest()
    length, body = announced(received)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert (end, len(body)) == ("closed", length // 2)
    assert_committed(stocked, "cut", committed=True)


def test_broken_gzip(stocked: Box) -> None:
    """broken-gzip is announced as gzip and as long as announced, and no library unpacks it; after the write."""
    with edit_under(stocked, fault="broken-gzip") as wire:
        answer = wire.answer()
    assert (answer.status, answer.headers["Content-Encoding"]) == (200, "gzip")
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    with pytest.raises(zlib.error):
        zlib.decompress(answer.body, wbits=31)
    assert_committed(stocked, "broken-gzip", committed=True)


def test_a_short_answer_is_seen_by_a_library(stocked: Box) -> None:
    """An HTTP library takes a cut answer for incomplete."""
    stocked.faults([{"endpoint": "page", "fault": "cut"}])
    with pytest.raises(http.client.IncompleteRead):
        Client(stocked.url).call("page")


def test_a_refusal(stocked: Box) -> None:
    """Refuse is HTTP 200 with the code and the words asked for; nothing is done."""
    with edit_under(stocked, fault="refuse", code=20010, msg="不可以") as wire:
        answer = wire.answer()
    assert (answer.status, answer.envelope) == (200, {"code": 20010, "msg": "不可以"})
    assert_committed(stocked, "refuse", committed=False, code=20010)


def test_a_refusal_that_was_told_nothing(stocked: Box) -> None:
    """Without code and words a refusal has some."""
    with edit_under(stocked, fault="refuse") as wire:
        assert wire.answer().envelope == {"code": 20099, "msg": "系统繁忙, 请稍后再试"}


def test_a_refusal_that_quotes(box: Box) -> None:
    """With quote the words repeat every text of the body, in lists too, and the token of the header."""
    box.faults([{"endpoint": "*", "fault": "refuse", "quote": True, "msg": "拒绝"}])
    client = Client(box.url)
    quoting = client.call("editPwd", operatorId="8001", password="plain-secret", status=1)["msg"]
    assert quoting == "拒绝: acme 8001 plain-secret t"
    assert client.call("del/v2", operatorIds=["8001", "8002"])["msg"] == "拒绝: acme 8001 8002 t"


@pytest.mark.parametrize(
    ("quote", "said"),
    [
        ("texts", 'acme 8001 "密" & t'),
        ("json", json.dumps({"abbreviate": "acme", "operatorId": "8001", "name": '"密" &'})),
        ("html", "{&quot;abbreviate&quot;: &quot;acme&quot;, &quot;operatorId&quot;: &quot;8001&quot;, "
         "&quot;name&quot;: &quot;\\&quot;&#23494;\\&quot; &amp;&quot;}"),
        ("url", "%7B%22abbreviate%22%3A%20%22acme%22%2C%20%22operatorId%22%3A%20%228001%22%2C%20"
         "%22name%22%3A%20%22%5C%22%E5%AF%86%5C%22%20%26%22%7D"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("fault", ["refuse", "refuse-after"])
def test_a_refusal_that_quotes_in_another_spelling(stocked: Box, fault: str, quote: str, said: str) -> None:
    """With a spelling the words repeat the whole body with the escapes of JSON, of a page or of a URL."""
    stocked.faults([{"endpoint": "edit/v2", "fault": fault, "quote": quote, "msg": "拒绝"}])
    assert Client(stocked.url).call("edit/v2", operatorId="8001", name='"密" &')["msg"] == f"拒绝: {said}"


@pytest.mark.parametrize(("options", "code"), [({}, 500), ({"code": 20005}, 20005)])
def test_a_refusal_of_what_was_done(stocked: Box, options: dict[str, int], code: int) -> None:
    """refuse-after is HTTP 200 with a code that is no success, after the write; history says that it was done."""
    with edit_under(stocked, fault="refuse-after", msg="失败", **options) as wire:
        answer = wire.answer()
    assert (answer.status, answer.envelope) == (200, {"code": code, "msg": "失败"})
    assert_committed(stocked, "refuse-after", committed=True)


def test_what_is_truly_refused_keeps_its_words(stocked: Box) -> None:
    """Under refuse-after the vendor's own refusal is answered as it is."""
    stocked.faults([{"endpoint": "writes", "fault": "refuse-after"}])
    assert Client(stocked.url).code("del/v2", operatorIds=["9999"]) == 20004


@pytest.mark.parametrize(
    ("options", "status", "code"), [({}, 401, 401), ({"status": 403}, 403, 401), ({"status": 200, "code": 7}, 200, 7)]
)
def test_a_token_that_dies(stocked: Box, options: dict[str, int], status: int, code: int) -> None:
    """From the call that token-dies hits on, every call of every endpoint is turned away, and nothing is done."""
    stocked.faults([{"endpoint": "writes", "calls": [2], "fault": "token-dies", **options}])
    client = Client(stocked.url)
    codes = [client.code("edit/v2", operatorId="8001", name=name) for name in ("李四", "王五", "赵六")]
    assert (codes, client.code("page")) == ([200, code, code], code)
    assert client.raw("one/v2", b'{"abbreviate": "acme", "operatorId": "8001"}').status == status
    assert stocked.store.agents()["8001"]["name"] == "李四"
    assert [each.fault for each in stocked.store.attempts()] == [None, *["token-dies"] * 4]


def test_a_token_lives_again_under_other_rules(stocked: Box) -> None:
    """Other rules bring the token back to life."""
    stocked.faults([{"endpoint": "*", "fault": "token-dies"}])
    assert Client(stocked.url).code("page") == 401
    stocked.faults()
    assert Client(stocked.url).code("page") == 200


@pytest.mark.parametrize(
    ("options", "code"), [({"status": 403}, 403), ({"status": 200, "code": 0}, 0), ({"status": 302}, 302)]
)
def test_any_status(stocked: Box, options: dict[str, int], code: int) -> None:
    """Status is that HTTP status with an envelope, whose code is the status unless another is given."""
    with edit_under(stocked, fault="status", msg="说明", **options) as wire:
        answer = wire.answer()
    assert (answer.status, answer.envelope) == (options["status"], {"code": code, "msg": "说明"})
    assert_committed(stocked, "status", committed=False, code=code)


def test_a_list_that_is_too_long(stocked: Box) -> None:
    """limit-list refuses lists longer than max, whole, and lets others through untouched."""
    stocked.faults([{"endpoint": "del/v2", "fault": "limit-list", "max": 2}])
    client = Client(stocked.url)
    refused = client.call("del/v2", operatorIds=["8001", "8002", "8003"])
    assert refused == {"code": 20001, "msg": "参数错误: operatorIds 最多 2 个"}
    assert client.code("del/v2", operatorIds=["8001", "8002"]) == 200
    assert list(stocked.store.agents()) == ["8003"]
    assert [(each.fault, each.committed) for each in stocked.store.attempts()] == [("limit-list", False), (None, True)]


@pytest.mark.parametrize("fault", ["drop-after", "reset-after"])
def test_what_the_vendor_refuses_is_not_committed(stocked: Box, fault: str) -> None:
    """Under a fault that lets the call through, the vendor may still refuse it, and history has that code."""
    stocked.faults([{"endpoint": "edit/v2", "fault": fault}])
    with Wire(stocked).send("edit/v2", operatorId="9999") as wire:
        wire.rest()
    assert [tuple(written) for written in stocked.store.history()] == [(1, "edit/v2", ["9999"], 20004, False)]
    assert stocked.store.attempts() == [Attempt("edit/v2", ["9999"], fault, False)]


def test_an_edit_that_ignores_a_field(stocked: Box) -> None:
    """Ignore answers success, changes the other fields and leaves that one as it was."""
    stocked.faults([{"endpoint": "edit/v2", "fault": "ignore", "field": "name"}])
    assert Client(stocked.url).code("edit/v2", operatorId="8001", name="李四", ttscontent="您好") == 200
    agent = stocked.store.agents()["8001"]
    assert (agent["name"], agent["ttscontent"]) == ("张三", "您好")
    assert stocked.store.attempts() == [Attempt("edit/v2", ["8001"], "ignore", True)]


def test_a_creation_that_ignores_a_field(box: Box) -> None:
    """On create the field is taken as not sent, so that it has its default."""
    box.faults([{"endpoint": "writes", "fault": "ignore", "field": "isrecord"}])
    assert Client(box.url).code("create/v2", operatorId="8001", name="张三", isrecord=0) == 200
    assert (box.store.agents()["8001"]["isrecord"], box.store.agents()["8001"]["name"]) == (1, "张三")


def test_a_filter_that_is_ignored(stocked: Box) -> None:
    """The page is that of everybody; a page that is not filtered stays as it is."""
    stocked.faults([{"endpoint": "page", "fault": "ignore", "field": "operatorId"}])
    everybody = Client(stocked.url).data("page")
    assert Client(stocked.url).data("page", operatorId="8001") == everybody
    assert everybody["total"] > 1
    assert [(attempt.fault, attempt.committed) for attempt in stocked.store.attempts()] == [
        (None, False),
        ("ignore", False),
    ]


def test_a_password_that_is_ignored(stocked: Box) -> None:
    """On editPwd, whose password cannot be left out, nothing is done and success answered."""
    stocked.store.put("8001", password="old-password")
    stocked.faults([{"endpoint": "writes", "fault": "ignore", "field": "password"}])
    assert Client(stocked.url).code("editPwd", operatorId="8001", password=md5("new")) == 200
    assert stocked.store.agents()["8001"]["password_md5"] == md5("old-password")
    assert not stocked.store.history()[0].committed


def test_ignoring_does_not_excuse(stocked: Box) -> None:
    """A field that is ignored is still checked."""
    stocked.faults([{"endpoint": "edit/v2", "fault": "ignore", "field": "afterInterval"}])
    assert Client(stocked.url).code("edit/v2", operatorId="8001", afterInterval=0) == 20001


def test_a_call_without_the_field_is_not_hit(stocked: Box) -> None:
    """Ignore hits only calls that send the field."""
    stocked.faults([{"endpoint": "edit/v2", "fault": "ignore", "field": "name"}])
    Client(stocked.url).data("edit/v2", operatorId="8001", ttscontent="您好")
    assert stocked.store.attempts() == [Attempt("edit/v2", ["8001"], None, True)]


def test_everything_is_ignored(box: Box) -> None:
    """ignore-all answers what a real success would, credentials and all, and nothing is stored."""
    box.faults([{"endpoint": "writes", "calls": [1], "fault": "ignore-all"}])
    client = Client(box.url)
    pretended = client.data("create/v2", operatorId="8001", password="secret-1")
    assert box.store.agents() == {}
    assert [tuple(written) for written in box.store.history()] == [(1, "create/v2", ["8001"], 200, False)]
    assert client.data("create/v2", operatorId="8001", password="secret-1") == pretended
    assert box.store.agents()["8001"]["id"] == 1


def test_what_is_ignored_can_be_refused(stocked: Box) -> None:
    """ignore-all refuses what the vendor would refuse."""
    stocked.faults([{"endpoint": "writes", "fault": "ignore-all"}])
    assert Client(stocked.url).code("create/v2", operatorId="8001") == 20005


def test_the_success_code_of_what_is_ignored() -> None:
    """ignore-all answers with the success code that was set."""
    with running(success_code=0, faults=[{"endpoint": "writes", "fault": "ignore-all"}]) as box:
        assert Client(box.url).code("create/v2", operatorId="8001") == 0


@pytest.mark.parametrize("fault", ["drop-after", "5xx-after", "truncated", "cut"])
def test_reads_are_hit_too(stocked: Box, fault: str) -> None:
    """A fault of reads commits nothing, and the attempt says so."""
    stocked.faults([{"endpoint": "reads", "fault": fault}])
    with Wire(stocked).send("one/v2", operatorId="8001") as wire:
        wire.some()
    assert stocked.store.attempts() == [Attempt("one/v2", ["8001"], fault, False)]
    assert stocked.store.history() == []
