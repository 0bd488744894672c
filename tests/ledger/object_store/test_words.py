"""What goes wrong is said in plain words, with bucket and key, and never in the library's."""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Callable

import pytest

pytest.importorskip("obstore", reason="the extra `remote` is not installed")

from reconciler.errors import ReconcilerError
from reconciler.ledger.object_store import ObjectStore
from reconciler.ledger.remote import RemoteStore
from tests.ledger.object_store.proxy import Proxy, answers
from tests.ledger.object_store.s3 import KEY_ID, SECRET
from tests.ledger.object_store.session import ONE, TWO, open_store, session

TOLD = f"<Error><Code>%s</Code><AWSAccessKeyId>{KEY_ID}</AWSAccessKeyId><StringToSign>{SECRET}</StringToSign></Error>"


def said(error: BaseException) -> str:
    """All that a message, a hint or a traceback shows."""
    return "".join(traceback.format_exception(error)) + str(getattr(error, "hint", ""))


ACTS: dict[str, Callable[[RemoteStore], object]] = {
    "read": lambda store: store.read(),
    "write": lambda store: store.write(ONE),
    "session": session,
    "holder": lambda store: store.holder(),
    "unlock": lambda store: store.unlock("x"),
}


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "AccessDenied", "no permission"),
        (401, "InvalidToken", "no permission"),
        (404, "NoSuchBucket", "there is no bucket ledgers"),
        (500, "InternalError", "not reachable, or answers with an error"),
        (400, "Canary", "not reachable, or answers with an error"),
    ],
)
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_an_answer_is_never_passed_on(
    line: Proxy, url: str, act: Callable[[RemoteStore], object], status: int, code: str, words: str
) -> None:
    """A refusal names bucket and key and the kind of trouble; nothing of the answer or the request shows anywhere."""
    line.rule = lambda _: answers(status, (TOLD % code).encode())
    with pytest.raises(ReconcilerError, match=words) as refusal:
        act(open_store(url))
    assert url.rpartition("/")[0] in refusal.value.message
    for secret in (KEY_ID, SECRET, code, "127.0.0.1", "Signature"):
        assert secret not in said(refusal.value)


def test_a_lasting_refusal_is_not_repeated(line: Proxy, url: str) -> None:
    """No permission today is no permission in a second."""
    line.rule = lambda _: answers(403)
    with pytest.raises(ReconcilerError):
        open_store(url).read()
    assert line.calls == ["GET ledger"]


def test_a_failure_at_release_says_what_to_do(line: Proxy, url: str) -> None:
    """A body that went well and a lock that stays: an error that names the command to remove it."""
    store = open_store(url)
    lock = store.lock()
    lock.__enter__()
    holder = store.holder()
    assert holder is not None
    line.rule = lambda _: answers(403)
    with pytest.raises(ReconcilerError, match="the lock was not released") as left:
        lock.__exit__(None, None, None)
    assert f"reconciler ledger unlock --id {holder.id}" in left.value.hint


def test_nobody_listening_is_not_reachable(bare: pytest.MonkeyPatch, line: Proxy, url: str) -> None:
    """A server that is not there is said to be not reachable, without its address."""
    bare.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(ReconcilerError, match="not reachable") as refusal:
        open_store(url).read()
    assert "127.0.0.1" not in said(refusal.value)


def test_plain_http_needs_to_be_allowed(bare: pytest.MonkeyPatch, line: Proxy, url: str) -> None:
    """Without `AWS_ALLOW_HTTP` no request leaves for an `http://` endpoint."""
    bare.delenv("AWS_ALLOW_HTTP")
    with pytest.raises(ReconcilerError, match="not reachable"):
        open_store(url).read()
    assert line.calls == []


def test_pauses_come_between_tries(line: Proxy, url: str) -> None:
    """Tries are spaced, the later ones more."""
    pauses: list[float] = []
    store = RemoteStore(ObjectStore(url, sleep=pauses.append))
    store.read()
    line.rule = lambda exchange: answers(503) if exchange.method == "PUT" else None
    with pytest.raises(ReconcilerError):
        store.write(TWO)
    assert pauses[0] < pauses[1]
    assert pauses[1] >= 1


def test_without_the_extra_the_message_names_it() -> None:
    """Where obstore is not installed, importing the module says what to install."""
    code = "import sys; sys.modules['obstore'] = None; import reconciler.ledger.object_store"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "reconciler.errors.ReconcilerError: a ledger in an object store needs a library" in done.stderr
