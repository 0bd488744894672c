"""What the client makes of an answer: done, refused, not sent, or nobody knows. Status alone is never success."""

from __future__ import annotations

import gzip
import itertools
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from reconciler.core.model.endpoints import EndpointName
from reconciler.core.model.message import text, verbatim
from reconciler.core.model.secret import Secret
from reconciler.settings import SUCCESS_CODES, Connection, Network
from reconciler.vendor.answer import Lost, NotSent, Ok, Refused, classify_response
from reconciler.vendor.http import MAX_ANSWER, connected
from reconciler.vendor.retry import backoff
from tests.vendor.line import TOKEN, Line, line
from tests.vendor.vendor_stub import (
    ABSENT,
    PATIENCE,
    Answer,
    Stub,
    bomb,
    chunked,
    closed,
    cut,
    drips,
    drips_header,
    envelope,
    garbage,
    gzipped,
    hangs,
    redirect,
    reply,
    stub,
)

HTML = b"<html><body>502 Bad Gateway</body></html>"
GOOD = json.dumps({"code": 200, "msg": "ok"}).encode()
NO_ENVELOPES = {
    "html": HTML,
    "empty": b"",
    "blank": b" \r\n",
    "a list": b'[{"code": 200}]',
    "a text": b'"200"',
    "a number": b"200",
    "null": b"null",
    "cut JSON": b'{"code": 200, "msg": "o',
    "two documents": GOOD + GOOD,
    "not UTF-8": '{"code": 200, "msg": "成功"}'.encode("gbk"),
    "nested without end": b"[" * 200_000,
    "nested deeply": b'{"code": 200, "data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a number of a million digits": b'{"code": 200, "data": ' + b"9" * 1_000_000 + b"}",
    "NUL": b"\0" * 64,
}
NO_CODES: dict[str, Any] = {
    "absent": ABSENT,
    "null": None,
    "true": True,
    "false": False,
    "empty": "",
    "a word": "ok",
    "spaced": " 200",
    "full-width": "２００",
    "a fraction": 200.5,
    "a list": [200],
    "an object": {"code": 200},
    "too long": "2" * 40,
}


@pytest.mark.parametrize("code", [0, 200, "0", "200", "0200"])
def test_a_success_code_is_ok(vendor: Stub, client: Line, code: Any) -> None:
    """0 and 200 are success, as integers and in a string."""
    vendor.script(envelope(code))
    assert client.edit() == Ok(None)


@pytest.mark.parametrize("status", [200, 201, 202, 206])
def test_any_good_status_will_do(vendor: Stub, client: Line, status: int) -> None:
    """With a success code the status says nothing more, as long as it is a good one."""
    vendor.script(envelope(status=status))
    assert client.edit() == Ok(None)


@pytest.mark.parametrize(("code", "good"), [(1, True), (200, False), (0, False)])
def test_success_codes_are_a_setting(vendor: Stub, code: int, good: bool) -> None:
    """Which codes mean success is told to the client, not known by it."""
    vendor.script(envelope(code, "x"))
    with line(vendor.url, success_codes=frozenset({1})) as client:
        assert client.edit() == (Ok(None) if good else Refused(code, text("x")))


@pytest.mark.parametrize("code", [1, -1, 100, 404, 500, 20005, 999_999_999, "20005", "1"])
@pytest.mark.parametrize("status", [200, 400, 404, 409, 422])
def test_another_code_is_a_refusal(vendor: Stub, client: Line, code: Any, status: int) -> None:
    """Whatever the status below 500, another code is a refusal with the vendor's words."""
    vendor.script(envelope(code, "坐席工号 8001 已存在", status=status))
    assert client.edit() == Refused(int(code), text("坐席工号 8001 已存在"))


@pytest.mark.parametrize("code", [401, 403, "401", "403"])
def test_a_code_can_refuse_the_token(vendor: Stub, client: Line, code: Any) -> None:
    """401 and 403 inside the envelope mean the token, also with HTTP 200."""
    vendor.script(envelope(code, "token 无效"))
    assert client.edit() == Refused(int(code), text("token 无效"), authentication=True)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", [HTML, b"", GOOD, b'{"code": 0}', b'{"code": "x"}'], ids=range(5))
def test_a_status_can_refuse_the_token(vendor: Stub, client: Line, status: int, body: bytes) -> None:
    """HTTP 401 and 403 mean the token, whatever the body says, a success code included."""
    vendor.script(reply(status, body))
    outcome = client.edit()
    assert isinstance(outcome, Refused)
    assert outcome.authentication
    assert outcome.message


def test_a_refused_token_keeps_the_vendors_words(vendor: Stub, client: Line) -> None:
    """Code and words of the envelope come before those of HTTP."""
    vendor.script(envelope(20002, "token 已过期", status=401))
    assert client.edit() == Refused(20002, text("token 已过期"), authentication=True)


@pytest.mark.parametrize("msg", [ABSENT, None, ""])
def test_a_refusal_without_words(vendor: Stub, client: Line, msg: Any) -> None:
    """A refusal that gives no reason says so."""
    vendor.script(envelope(20005, msg))
    assert client.edit() == Refused(20005, text("without a reason"))


@pytest.mark.parametrize("msg", [{"zh": "不行"}, ["不行"], 404, True])
def test_words_that_are_no_text(vendor: Stub, client: Line, msg: Any) -> None:
    """A reason of another kind is shown as it is."""
    vendor.script(envelope(20005, msg))
    assert client.edit() == Refused(20005, verbatim(str(msg)))


def test_long_words_are_cut(vendor: Stub, client: Line) -> None:
    """A reason of a megabyte is cut to what a person reads."""
    vendor.script(envelope(20005, "错" * 350_000))
    assert client.edit() == Refused(20005, verbatim("错" * 500))


@pytest.mark.parametrize("code", NO_CODES.values(), ids=NO_CODES)
@pytest.mark.parametrize("status", [200, 400])
def test_no_code_is_no_answer(vendor: Stub, client: Line, code: Any, status: int) -> None:
    """An envelope without a code that can be read says nothing: it may have been carried out."""
    vendor.script(envelope(code, status=status))
    assert isinstance(client.edit(), Lost)


@pytest.mark.parametrize("body", NO_ENVELOPES.values(), ids=NO_ENVELOPES)
@pytest.mark.parametrize("status", [200, 204, 400, 404, 418])
def test_no_envelope_is_no_answer(body: bytes, status: int) -> None:
    """What is not the vendor's envelope says nothing, whatever the status below 500 that it comes with."""
    outcome = classify_response(status, {}, body, SUCCESS_CODES)
    assert isinstance(outcome, Lost)
    assert f"HTTP {status}" in outcome.reason


@pytest.mark.parametrize("body", NO_ENVELOPES.values(), ids=NO_ENVELOPES)
def test_no_envelope_over_http(vendor: Stub, client: Line, body: bytes) -> None:
    """The same over a connection: a proxy's page with HTTP 200 is not success."""
    vendor.script(reply(200, body))
    assert isinstance(client.edit(), Lost)


@pytest.mark.parametrize("status", [400, 404, 422])
def test_success_with_a_bad_status(vendor: Stub, client: Line, status: int) -> None:
    """A code of success under a status of failure is a contradiction, and nobody knows."""
    vendor.script(envelope(200, status=status))
    assert isinstance(client.edit(), Lost)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
@pytest.mark.parametrize("body", [GOOD, b'{"code": 20005, "msg": "no"}', HTML, b""], ids=range(4))
def test_a_server_error_is_lost(vendor: Stub, client: Line, status: int, body: bytes) -> None:
    """A status of 500 and up may come after the work was done, even with an envelope."""
    vendor.script(reply(status, body))
    outcome = client.edit()
    assert isinstance(outcome, Lost)
    assert f"HTTP {status}" in outcome.reason


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("60", 60.0),
        ("61", 60.0),
        ("9" * 40, 60.0),
        ("Fri, 31 Dec 2999 23:59:59 GMT", 60.0),
    ],
)
@pytest.mark.parametrize(("status", "kind"), [(429, NotSent), (503, Lost)])
def test_retry_after(
    vendor: Stub, client: Line, status: int, kind: type[NotSent | Lost], header: str, seconds: float
) -> None:
    """Both forms of Retry-After are heard, with 429 and with 503, up to a minute."""
    vendor.script(reply(status, headers={"Retry-After": header}))
    outcome = client.edit()
    assert isinstance(outcome, kind)
    assert outcome.retry_after == seconds


@pytest.mark.parametrize("header", ["", "0", "soon", "-5", "1.5", "٣", "Mon, 01 Jan 2001 00:00:00 GMT", "Mon, 99 Foo"])
def test_a_retry_after_that_says_nothing(vendor: Stub, client: Line, header: str) -> None:
    """Without a Retry-After that can be read and lies ahead, 429 asks for one second."""
    vendor.script(reply(429, headers={"Retry-After": header.encode().decode("latin-1")}))
    outcome = client.edit()
    assert isinstance(outcome, NotSent)
    assert outcome.retry_after == 1.0


@pytest.mark.parametrize("body", [GOOD, b'{"code": 20010, "msg": "slow"}', HTML, b""], ids=range(4))
def test_429_was_not_carried_out(vendor: Stub, client: Line, body: bytes) -> None:
    """429 turns a request away unread, whatever its body says."""
    vendor.script(reply(429, body))
    assert isinstance(client.edit(), NotSent)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
def test_a_redirect_is_not_followed(vendor: Stub, client: Line, status: int) -> None:
    """A redirect is a refusal, and no second request goes anywhere: the token would go with it."""
    with stub() as elsewhere:
        vendor.script(redirect(status, f"{elsewhere.url}/api"))
        outcome = client.edit()
        assert isinstance(outcome, Refused)
        assert (outcome.code, outcome.authentication) == (status, False)
        assert (len(vendor.requests), elsewhere.requests) == (1, [])


@pytest.mark.parametrize("location", ["/elsewhere", "elsewhere", "", "//other.invalid/", "https://other.invalid/"])
def test_a_redirect_to_anywhere(vendor: Stub, client: Line, location: str) -> None:
    """Nor is one to another path of the same host."""
    vendor.script(redirect(307, location))
    assert isinstance(client.edit(), Refused)
    assert len(vendor.requests) == 1


BROKEN: dict[str, Answer] = {
    "closed before the answer": closed(),
    "reset before the answer": closed(rudely=True),
    "closed in the body": cut(GOOD, 9),
    "closed before the body": cut(GOOD, 0),
    "closed in the headers": garbage(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "closed in a chunk": garbage(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + GOOD),
    "closed between chunks": garbage(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(GOOD), GOOD)
    ),
    "no HTTP": garbage(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "zeros": garbage(b"\0" * 4096),
    "TLS": garbage(b"\x15\x03\x01\x00\x02\x02\x28"),
    "a status without a number": garbage(b"HTTP/1.1 OK\r\n\r\n"),
    "a header of a megabyte": garbage(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n"),
    "two lengths": garbage(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\n" + GOOD),
    "a length that is no number": garbage(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n" + GOOD),
    "a chunk size that is no number": garbage(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "another protocol": garbage(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
    "no gzip": reply(body=GOOD, headers={"Content-Encoding": "gzip"}),
    "half a gzip": reply(body=gzip.compress(GOOD)[:-9], headers={"Content-Encoding": "gzip"}),
    "a gzip with a wrong sum": reply(body=gzip.compress(GOOD)[:-8] + b"\0" * 8, headers={"Content-Encoding": "gzip"}),
    "raw deflate as gzip": reply(body=zlib.compress(GOOD), headers={"Content-Encoding": "gzip"}),
    "an encoding not asked for": reply(body=GOOD, headers={"Content-Encoding": "br"}),
    "two encodings": reply(body=gzip.compress(gzip.compress(GOOD)), headers={"Content-Encoding": "gzip, gzip"}),
    "gzip of no envelope": gzipped(HTML),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_broken_answer_is_lost(vendor: Stub, client: Line, answer: Answer) -> None:
    """The request was read and no whole answer came back: it may have been carried out, and is sent once."""
    vendor.script(answer)
    assert isinstance(client.edit(), Lost)
    assert len(vendor.requests) == 1


SLOW: dict[str, Answer] = {
    "nothing": hangs(),
    "half a header": hangs(b"HTTP/1.1 200 OK\r\nContent-"),
    "half a body": hangs(b'HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{"code": 200'),
    "a body without end": drips(0.02),
    "a header without end": drips_header(0.02),
    "headers without end": drips_header(0.02, b"x\r\nX-Slow: "),
    "interim answers without end": drips_header(0.02, b"HTTP/1.1 100 Continue\r\n\r\n", b""),
}


@pytest.mark.parametrize("answer", SLOW.values(), ids=SLOW)
def test_a_slow_answer_is_lost(vendor: Stub, hasty: Line, answer: Answer) -> None:
    """The timeout is for the whole answer: a header or a body that drips for ever is given up too."""
    vendor.script(answer)
    outcome = hasty.edit()
    assert isinstance(outcome, Lost)
    assert "no answer within 0.2 s" in outcome.reason or "took too long" in outcome.reason
    assert vendor.heard() == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for this machine, in one file, that nobody else trusts."""
    if not (openssl := shutil.which("openssl")):
        pytest.skip("openssl makes the certificate")
    path = tmp_path_factory.mktemp("tls") / "vendor.pem"
    made = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", str(path.with_suffix(".crt"))]
    subprocess.run(made, check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


@contextmanager
def by_tls(certificate: Path, say: Callable[[ssl.SSLSocket], None], trusted: bool = True) -> Iterator[Line]:
    """A client of a vendor that speaks TLS, to one request, and says what it is told to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(listener: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as wire:
            read = b""
            while not read.endswith(b"}"):
                read += wire.recv(65536)
            say(wire)

    network = Network(certificate if trusted else None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=serve, args=(listener,), daemon=True)
        serving.start()
        with line(f"https://127.0.0.1:{listener.getsockname()[1]}", timeout=1.0, network=network) as client:
            yield client
        serving.join(PATIENCE)


def _drip(wire: ssl.SSLSocket) -> None:
    for byte in itertools.chain(b"HTTP/1.1 200 OK\r\nX-Slow: ", itertools.repeat(0x78, 600)):
        wire.sendall(bytes([byte]))
        time.sleep(0.05)


def test_the_timeout_is_for_the_whole_answer_by_tls_too(certificate: Path) -> None:
    """A header that drips for ever is given up when the time is over, also where it comes encrypted."""
    with by_tls(certificate, _drip) as client:
        assert client.edit() == Lost(text("no answer within 1 s"))


def test_an_answer_by_tls(certificate: Path) -> None:
    """A vendor that speaks TLS is understood, and its certificate is for the host that was asked."""
    body = b'{"code": 200}'
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with by_tls(certificate, lambda wire: wire.sendall(whole)) as client:
        assert client.edit() == Ok(None)


def test_a_certificate_that_nobody_vouches_for(certificate: Path) -> None:
    """Nothing is sent to a host whose certificate is not trusted."""
    with by_tls(certificate, lambda _wire: None, trusted=False) as client:
        outcome = client.edit()
    assert isinstance(outcome, NotSent)
    assert "--ca-file" in outcome.hint


def test_a_vendor_that_reads_nothing(certificate: Path) -> None:
    """A request that cannot be written out in time is given up; a part of it may have arrived."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with line(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.3) as client:
            assert client.transport.send("edit", {"name": "x" * 20_000_000}) == Lost(text("no answer within 0.3 s"))


def test_a_host_with_several_addresses(vendor: Stub) -> None:
    """Where one address of a host does not answer the next one is tried, within the same time."""
    port = int(vendor.url.rpartition(":")[2])
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("127.0.0.2", "127.0.0.1")]
    real = socket.getaddrinfo
    resolved = lambda host, *rest, **more: found if host == "localhost" else real(host, *rest, **more)  # noqa: E731
    with patch("socket.getaddrinfo", resolved), line(f"http://localhost:{port}") as client:
        assert client.edit() == Ok(None)


@pytest.fixture
def dead_end() -> Iterator[str]:
    """An endpoint whose port is taken by somebody who does not listen."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_no_connection_is_not_sent(dead_end: str) -> None:
    """Where nobody listens nothing was sent, and the host is named."""
    with line(dead_end) as client:
        outcome = client.edit()
    assert isinstance(outcome, NotSent)
    assert "127.0.0.1" in outcome.reason
    assert "refused" in outcome.reason


def test_tls_to_a_plain_port_is_not_sent(vendor: Stub) -> None:
    """A handshake that fails comes before the request."""
    with line(vendor.url.replace("http:", "https:")) as client:
        assert isinstance(client.edit(), NotSent)
    assert all(seen.method != "POST" for seen in vendor.requests)


def test_the_connection_is_good_after_a_refusal(vendor: Stub, client: Line) -> None:
    """Whatever one answer was, the next request is answered."""
    vendor.script(*BROKEN.values(), envelope())
    outcomes = [client.edit() for _ in range(len(BROKEN) + 1)]
    assert all(isinstance(outcome, Lost) for outcome in outcomes[:-1])
    assert outcomes[-1] == Ok(None)


@pytest.mark.parametrize("answer", [gzipped(GOOD), chunked(GOOD[:5], GOOD[5:]), chunked(*(b"%c" % c for c in GOOD))])
def test_other_ways_to_send_a_body(vendor: Stub, client: Line, answer: Answer) -> None:
    """Compressed and in chunks an answer is the same answer."""
    vendor.script(answer)
    assert client.edit() == Ok(None)


def test_only_gzip_is_asked_for(vendor: Stub, client: Line) -> None:
    """The client asks for the one encoding that it unpacks within bounds."""
    client.edit()
    assert vendor.requests[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("megabytes", [17, 200])
def test_a_gzip_bomb_is_not_unpacked(vendor: Stub, client: Line, megabytes: int) -> None:
    """An answer that unpacks to more than the limit is dropped, and never stands in memory whole."""
    vendor.script(reply(body=bomb(megabytes), headers={"Content-Encoding": "gzip"}))
    tracemalloc.start()
    try:
        outcome = client.edit()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(outcome, Lost)
    assert "too large" in outcome.reason
    assert peak < 3 * MAX_ANSWER


@pytest.mark.parametrize(("over", "kind"), [(0, Ok), (1, Lost)])
def test_the_size_of_an_answer(vendor: Stub, client: Line, over: int, kind: type[Ok | Lost]) -> None:
    """An answer of the limit is taken, one byte more is not."""
    vendor.script(reply(body=GOOD.ljust(MAX_ANSWER + over)))
    assert isinstance(client.edit(), kind)


def test_a_body_without_end_is_too_large(vendor: Stub, client: Line) -> None:
    """A body whose length nobody knows is given up at the limit, long before the timeout."""
    vendor.script(drips(0.0, b" " * 1_000_000))
    outcome = client.edit()
    assert isinstance(outcome, Lost)
    assert "too large" in outcome.reason


@pytest.mark.parametrize(
    ("name", "data", "good"),
    [
        ("create", [{"operatorId": "8001"}], True),
        ("create", [], True),
        ("create", ABSENT, False),
        ("create", {"operatorId": "8001"}, False),
        ("create", ["8001"], False),
        ("create", [None], False),
        ("edit", {}, True),
        ("edit", ABSENT, True),
        ("edit", None, True),
        ("edit", [], False),
        ("edit", "8001", False),
        ("delete", ABSENT, True),
        ("delete", ["anything"], True),
        ("password", ABSENT, True),
        ("password", "anything", True),
        ("page", [], False),
        ("one", [{"operatorId": "8001"}], False),
    ],
)
def test_the_form_of_data(vendor: Stub, client: Line, name: EndpointName, data: Any, good: bool) -> None:
    """A success whose data is not of the reference's form is not understood, so nobody knows."""
    vendor.script(envelope(data=data))
    assert isinstance(client.transport.send(name, {}), Ok if good else Lost)


@pytest.mark.parametrize("prefix", ["", "/gate", "/a/b"])
def test_a_base_url_with_a_path(vendor: Stub, prefix: str) -> None:
    """The endpoint's own path stays before the reference's."""
    with line(vendor.url + prefix) as client:
        client.edit()
    assert vendor.requests[0].path == f"{prefix}/api/v1/config/openapi/agent/edit/v2"


def test_chinese_is_sent_as_utf_8(vendor: Stub, client: Line) -> None:
    """A body is UTF-8 and not escaped."""
    client.edit()
    assert "张三".encode() in vendor.requests[0].raw


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_proxy_variables_are_ignored(vendor: Stub, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """A proxy named in the environment would see the token, and gets no request."""
    with stub() as proxy:
        monkeypatch.setenv(variable, proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        with line(vendor.url) as client:
            assert client.edit() == Ok(None)
        assert (len(vendor.requests), proxy.requests) == (1, [])


def test_a_netrc_is_ignored(vendor: Stub, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Nobody's password for the host is added to a request."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with line(vendor.url) as client:
        client.edit()
    assert "authorization" not in vendor.requests[0].headers


def test_connected_closes(vendor: Stub) -> None:
    """`connected` gives a transport that works inside the block, and leaves no connection open behind it."""
    with connected(Connection(vendor.url, Secret(TOKEN), rate=0)) as transport:
        assert transport.send("delete", {}) == Ok(None)
        assert len(transport._http._pool.connections) == 1
    assert transport._http._pool.connections == []


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Refused(20005, text("已存在")), "the vendor refused: 已存在 (code 20005)"),
        (NotSent(text("no connection")), "not sent: no connection"),
        (Lost(text("HTTP 502")), "outcome unknown: HTTP 502"),
    ],
)
def test_an_outcome_in_words(outcome: Refused | NotSent | Lost, words: str) -> None:
    """Each outcome but success says in words what happened."""
    assert str(outcome) == words


@pytest.mark.parametrize(
    ("jitter", "retry_after", "expected"),
    [
        (1.0, None, [0.5, 1, 2, 4, 8, 8, 8]),
        (0.0, None, [0] * 7),
        (0.0, 3.0, [3] * 7),
        (1.0, 3.0, [3, 3, 3, 4, 8, 8, 8]),
    ],
)
def test_backoff(jitter: float, retry_after: float | None, expected: list[float]) -> None:
    """Pauses double up to eight seconds, anything below is chance, and the vendor's wish is the least."""
    assert [backoff(attempt, retry_after, lambda: jitter) for attempt in range(1, 8)] == expected


@pytest.mark.parametrize("cut", [None, 5, 60], ids=["at once", "in its first line", "in its head"])
def test_two_answers_to_one_request(cut: int | None) -> None:
    """What a broken proxy sends twice is never taken for the answer to the next request, however it is cut."""
    numbers = itertools.count(1)

    def answered(line: socket.socket) -> None:
        with suppress(OSError), line, line.makefile("rb") as stream:
            while stream.readline().startswith(b"POST"):
                length = 0
                while (name := stream.readline()) != b"\r\n":
                    length = int(name.split(b":")[1]) if name.lower().startswith(b"content-length") else length
                stream.read(length)
                number = next(numbers)
                body = b'{"code": %d, "msg": "%d"}' % (200 if number == 1 else 20005, number)
                one = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
                    len(body),
                    body,
                )
                line.sendall(one + (one[:cut] if number == 1 else b""))

    server = socket.create_server(("127.0.0.1", 0))

    def accepting() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answered, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accepting, daemon=True).start()
    url = f"http://127.0.0.1:{server.getsockname()[1]}"
    with server, connected(Connection(url, Secret("t"), parallelism=1, rate=0, timeout=5)) as transport:
        outcomes = [transport.send("password", {"operatorId": "8001"}) for _ in range(3)]
    assert type(outcomes[0]) is Ok
    assert not any(type(outcome) is Ok for outcome in outcomes[1:])
    if cut != 5:  # so short a rest is found out by the next answer, which it spoils
        assert [str(number) in str(outcome) for number, outcome in enumerate(outcomes[1:], 2)] == [True, True]
