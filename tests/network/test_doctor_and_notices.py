"""`doctor` and `notify` in a company's network: what they heed of its certificates and its proxy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.extras import needs_apprise
from tests.network.wires import VENDOR, Authority, Door, Proxy, proxy, tls
from tests.process import TOKEN, Workplace
from tests.vendor.vendor_stub import Stub, reply, stub

HOOK = "hook.example"
SECRET = "hook-token-Zq9"


def checks(place: Workplace, *arguments: str, **env: str) -> dict[str, str]:
    """The status of each line of `doctor`."""
    ran = place.run("doctor", "--format", "json", *arguments, env=env)
    assert TOKEN not in ran.out + ran.err
    return {each["check"]: each["status"] for each in json.loads(ran.out)["checks"]}


def test_doctor_goes_through_the_proxy(behind: Workplace, company: Authority, recorder: Proxy) -> None:
    """It looks at the vendor over the way that an apply would take: name by the proxy, certificate by the file."""
    behind.endpoint = f"https://{VENDOR}"
    told = checks(behind, "--proxy", recorder.url, "--ca-file", str(company.file))
    assert {told[name] for name in ("dns", "connection", "tls", "token", "page")} == {"ok"}
    assert [head.split()[1] for head in recorder.heads] == [f"{VENDOR}:443"]
    told = checks(behind, RECONCILER_PROXY=recorder.url)
    assert (told["connection"], told["tls"]) == ("ok", "failed")
    assert checks(behind, "--ca-file", str(company.file))["dns"] == "failed"


@pytest.fixture
def hook(company: Authority) -> Iterator[tuple[Stub, Door]]:
    """A webhook behind the company's TLS."""
    with stub() as listening:
        listening.script(reply(200))
        with tls(company.context(HOOK), urlsplit(listening.url).port or 0) as door:
            yield listening, door


@needs_apprise
def test_a_notice_goes_the_way_of_its_library(place: Workplace, company: Authority, hook: tuple[Stub, Door]) -> None:
    """Apprise heeds the variables of its HTTP library; our settings, which are the vendor's, lead no notice."""
    listening, door = hook
    place.write('version: 1\ncompany: {abbreviate: acme}\nagents: [{operatorId: "8001"}]\n')
    assert place.run("plan", "--out", "plan.json").code == 0
    with proxy(hosts={f"{HOOK}:443": door.port}) as between:
        ours = {"RECONCILER_PROXY": between.url, "RECONCILER_CA_FILE": str(company.file)}
        known = {"RECONCILER_NOTIFY": f"jsons://{HOOK}/{SECRET}"}
        assert place.run("notify", "--plan", "plan.json", env={**known, **ours}).code == 1
        assert (between.heads, listening.requests) == ([], [])
        theirs = {"HTTPS_PROXY": between.url, "REQUESTS_CA_BUNDLE": str(company.file)}
        ran = place.run("notify", "--plan", "plan.json", env={**known, **theirs})
        assert ran.code == 0, ran.err
        assert [head.split()[1] for head in between.heads] == [f"{HOOK}:443"]
        assert SECRET.encode() not in between.heard
    assert [seen.body["title"] for seen in listening.requests] == ["reconciler plan, acme: 1 action"]
