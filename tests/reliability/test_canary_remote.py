"""No secret leaks where the ledger is remote: neither ours, nor those by which git or a store knows who we are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox.server import running
from tests.ledger.git_branch.host import ALONE, BRANCH, Host, git, made, serving
from tests.reliability.test_canary import APPLY, FILE, TOKEN, Office

PYRAGE: Any = pytest.importorskip("pyrage", reason="the extra `age` is not installed")

HEADER = "hEad+canary/Zq9=="
STORE_KEY = "sTore+canary/key8"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office of its own; its passwords are sealed, and the command that opens them says which there are."""
    with running(token=TOKEN, company="acme:4242") as box:
        (tmp_path / "office").mkdir()
        office = Office(tmp_path / "office", box)
        office.begin()
        identity = PYRAGE.x25519.Identity.generate()
        (tmp_path / "key.txt").write_text(f"{identity}\n")
        office.place.write(FILE.replace("agents:\n", f"recipients: [{identity.to_public()}]\nagents:\n", 1))
        yield office


def learn_passwords(office: Office, env: Mapping[str, str]) -> None:
    """Tell the office what was made, so that it can be looked for."""
    key = str(office.folder.parent / "key.txt")
    ran = office.place.run("credentials", "--identity", key, "--format", "json", env=env)
    assert ran.code == 0, ran.err
    for each in ran.json["credentials"]:
        office.more |= {
            f"{name} of {each['operatorId']}": each[name] for name in ("password", "sipPassword") if each[name]
        }
    assert len(office.more) > 8


@dataclass(frozen=True, slots=True)
class Remote:
    """A remote ledger: what leads there and what leads nowhere, all that is stored, and whom git or the store knows."""

    env: Mapping[str, str]
    broken: Mapping[str, str]
    stored: Callable[[], bytes]
    host: Host | None = None


@contextmanager
def on_a_branch(office: Office) -> Iterator[Remote]:
    """Behind HTTP; the settings of the clone have the header by which git says who it is."""
    host, root = made(office.folder.parent / "books.git"), office.folder.parent
    with serving(root) as (url, _):
        git(office.folder, "init", "--quiet")
        git(office.folder, "config", f"http.{url}/.extraheader", f"AUTHORIZATION: basic {HEADER}")
        env = {**ALONE, "RECONCILER_LEDGER": f"git+{url}/books.git#{BRANCH}"}
        yield Remote(env, {"RECONCILER_LEDGER": f"git+{url}/none.git#{BRANCH}"}, host.objects, host)
    (office.folder / ".git/config").unlink()  # that the header stands there is not ours to mend


@contextmanager
def in_a_store(office: Office) -> Iterator[Remote]:
    """In a bucket; the environment has the key."""
    pytest.importorskip("obstore", reason="the extra `remote` is not installed")
    pytest.importorskip("moto", reason="moto[server] is not installed")
    from tests.ledger.object_store.s3 import BUCKET, environment
    from tests.ledger.object_store.s3 import serving as serving_s3

    with serving_s3() as server:
        own = {"RECONCILER_LEDGER": f"s3://{BUCKET}/acme", "AWS_SECRET_ACCESS_KEY": STORE_KEY}
        broken = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
        stored = lambda: b"".join(server.get(key) or b"" for key in server.keys(""))  # noqa: E731
        yield Remote({**environment(server.url), **own}, broken, stored)


@pytest.mark.parametrize(("kind", "event"), [(on_a_branch, "git"), (in_a_store, "store")], ids=["branch", "store"])
def test_a_remote_ledger(office: Office, kind: Callable[[Office], AbstractContextManager[Remote]], event: str) -> None:
    """With `-vv` each command, and each that fails at the remote place: nothing is said or stored that must not be."""
    with kind(office) as remote:
        assert office.run(*APPLY, env=remote.env).code == 0
        learn_passwords(office, remote.env)
        for command in ("plan", "history", "history --format json", "status", "ledger show", "doctor", "export"):
            assert office.run(*command.split(), env=remote.env).code == 0, command
        for command in ("plan", "apply -y", "doctor", "history"):
            assert office.run(*command.split(), env={**remote.env, **remote.broken}).code == 1, command
        if remote.host:
            remote.host.hook("pre-receive", f"echo 'you said AUTHORIZATION: basic {HEADER}' >&2; exit 1")
            assert office.run("apply", "-y", env=remote.env).code == 1
        assert f'"event": "{event}"' in office.told
        office.hear("what is stored", remote.stored())
    office.more |= {"git's header": HEADER, "the store's key": STORE_KEY}
    office.assert_silent()
