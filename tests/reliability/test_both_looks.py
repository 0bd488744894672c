"""Kind of trouble by look: whatever the listing shows, the look at single agents shows, in the same words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler.sandbox.server import Box, running
from tests.process import TOKEN, Ran, Workplace

COMPANIES: Final = {"narrow": 900, "wide": 250}
"""Agents of a company in which the plan below is looked at one by one, and of one that takes the listing."""
NEW: Final = '- {operatorId: "9901", name: new}\n- {operatorId: "9903", name: other}\n'
GIVEN: Final = {"AGENT_GIVEN": "given-password-1"}


@dataclass(frozen=True, slots=True)
class Company:
    """A vendor with so many agents, and the folder of a file that wants some of them otherwise."""

    box: Box
    place: Workplace
    count: int

    def write(self, more: str = "", head: str = "", first: int = 8006) -> None:
        """Two edits, a SIP number, a password and a delete, and what else is wanted."""
        self.place.write(
            f"""version: 1
company: {{abbreviate: acme, companyId: 4242}}
{head}agents:
- {{operatorId: "8001", name: x}}
- {{operatorId: "8002", sipNumber: "60009"}}
- {{operatorId: "8004", password: {{env: AGENT_GIVEN, version: 1}}}}
- {{operatorId: "8005", showcaller: "4001", bindcode: "13900000002"}}
{more}pools:
- {{from: "{first}", to: "{8000 + self.count}"}}
"""
        )

    def run(self, *arguments: str) -> tuple[Ran, int]:
        """Run a command; what became of it, and how many reads the vendor counted."""
        since = len(self.box.store.attempts())
        ran = self.place.run(*arguments, env=GIVEN)
        arrived = Counter(attempt.endpoint for attempt in self.box.store.attempts()[since:])
        return ran, arrived["page"] + arrived["one/v2"]


@pytest.fixture(scope="module")
def vendor() -> Iterator[Box]:
    """A sandbox of this module's own."""
    with running(token=TOKEN, company="acme:4242") as box:
        yield box


Begin = Callable[[str], Company]


@pytest.fixture
def begin(vendor: Box, tmp_path: Path) -> Begin:
    """Make a company anew, that of a look, in a folder of its own."""

    def made(look: str) -> Company:
        vendor.faults([])
        count = COMPANIES[look]
        vendor.store.reset(
            {"operatorId": str(8001 + number), "name": "n", "bindcode": "13900000001"} for number in range(count)
        )
        number = len(list(tmp_path.iterdir()))
        folder = tmp_path / f"{look}{number}"
        folder.mkdir()
        return Company(vendor, Workplace(folder, vendor.url), count)

    return made


def made_anew(box: Box) -> None:
    """Delete an agent, and make it as it was."""
    box.store.remove("8001")
    box.store.put("8001", name="n", bindcode="13900000001")


MEANWHILE: dict[str, tuple[Callable[[Box], object], str]] = {
    "a managed value": (lambda box: box.store.put("8001", name="other"), "8001"),
    "another value": (lambda box: box.store.put("8005", ttscontent="other"), "8005"),
    "of whom a password is set": (lambda box: box.store.put("8004", status=0), "8004"),
    "of whom is deleted": (lambda box: box.store.put("8003", name="keep this one"), "8003"),
    "vanished": (lambda box: box.store.remove("8005"), "8005"),
    "deleted already": (lambda box: box.store.remove("8003"), "8003"),
    "made anew": (made_anew, "8001"),
    "the number is taken": (lambda box: box.store.put("8100", sipNumber="60009"), "8002"),
    "it has another number": (lambda box: box.store.put("8002", sipNumber="60010"), "8002"),
    "somebody else": (lambda box: box.store.put("8200", name="other"), ""),
    "somebody new": (lambda box: box.store.put("9000", name="other"), ""),
}
"""What somebody does between plan and apply, and about whom that is to be told; about nobody: it is applied."""


@pytest.mark.exhaustive(4)
@pytest.mark.parametrize("look", COMPANIES)
@pytest.mark.parametrize("kind", MEANWHILE)
def test_a_stale_plan_is_told_by_either_look(begin: Begin, kind: str, look: str) -> None:
    """Who moved, vanished, was made anew or took a number is named and nothing is sent; others void no review."""
    act, whom = MEANWHILE[kind]
    company = begin(look)
    company.write()
    assert company.run("plan", "--out", "plan.json")[0].code == 0
    act(company.box)
    ran, reads = company.run("apply", "plan.json", "--yes")
    assert (ran.code, bool(company.box.store.history())) == (3 if whom else 0, not whom), ran.out + ran.err
    assert whom in ran.out
    assert look == "wide" or reads <= 12 or kind in ("vanished", "deleted already")


def rule(endpoint: str, fault: str, **more: Any) -> dict[str, Any]:
    """A rule of the sandbox's faults."""
    return {"endpoint": endpoint, "fault": fault, **more}


def stranger(endpoint: str, does: str, agent: str, **values: Any) -> dict[str, Any]:
    """Somebody who does this after the first call of an endpoint."""
    more = {"values": values} if values else {}
    return rule(endpoint, "stranger", calls=[1], does=does, agents=[agent], when="after", **more)


AFTERWARDS: dict[str, tuple[list[dict[str, Any]], int, str]] = {
    "nothing": ([], 0, ""),
    "a field that is ignored": ([rule("edit/v2", "ignore", field="name")], 4, "8001"),
    "a number that is ignored": ([rule("edit/v2", "ignore", field="sipnumber")], 4, "8002"),
    "edits that are ignored": ([rule("edit/v2", "ignore-all")], 4, "8005"),
    "deletes that are ignored": ([rule("del/v2", "ignore-all")], 4, "8003"),
    "creates that are ignored": ([rule("create/v2", "ignore-all")], 4, "9901"),
    "a field of a create": ([rule("create/v2", "ignore", field="name")], 4, "9901"),
    "edits that empty": ([rule("edit/v2", "empties", fields=["bindcode"])], 4, "8001"),
    "an edit that is lost": ([rule("edit/v2", "drop-after", calls=[1])], 0, ""),
    "a delete that is lost": ([rule("del/v2", "drop-after", calls=[1])], 0, ""),
    "a delete that is lost for good": ([rule("del/v2", "drop-after")], 0, ""),
    "a create that is lost": ([rule("create/v2", "drop-after", calls=[1])], 0, ""),
    "creates that are lost for good": ([rule("create/v2", "5xx-after")], 0, ""),
    "an edit that never comes": ([rule("edit/v2", "drop-before")], 4, "8001"),
    "a create that is refused": ([rule("create/v2", "refuse")], 4, "9901"),
    "a create that is refused and done": ([rule("create/v2", "refuse-after", code=20005)], 4, "9901"),
    "refused edits": ([rule("edit/v2", "refuse", operatorId="8002")], 4, "8002"),
    "a stranger's edit": ([stranger("editPwd", "edit", "8001", ttscontent="other")], 4, "8001"),
    "a stranger's delete": ([stranger("editPwd", "delete", "8005")], 4, "8005"),
    "deleted, and made again": ([stranger("del/v2", "create", "8003", name="back")], 4, "8003"),
    "reads that fail now and then": ([rule("reads", "5xx-before", calls={"every": 3})], 0, ""),
    "a filter by id that is ignored": ([rule("page", "ignore", field="operatorId")], 0, ""),
}
"""What goes wrong in an apply, its exit code, and about whom it tells."""


APPLY = ("apply", "--yes", "--format", "json", "--parallelism", "1")
"""Calls in one order, so that whoever comes between them comes at the same place."""


def outcome(ran: Ran) -> tuple[int, Any]:
    """How an apply ended: for each action and agent, whether it is done, what was found, and in which words.

    In which way a connection broke is chance.
    """
    report = ran.json
    for result in report["results"]:
        result["message"] = result["message"].partition(": the connection")[0]
    return ran.code, {key: report[key] for key in ("results", "mismatches", "warnings") if key in report}


@pytest.mark.exhaustive(4)
@pytest.mark.parametrize("kind", AFTERWARDS)
def test_either_look_finds_the_same_afterwards(begin: Begin, kind: str) -> None:
    """The report of a read-back of those whom the plan touches is, word for word, that of a read-back of everybody."""
    faults, code, whom = AFTERWARDS[kind]
    reports, reads = {}, {}
    for whole in ("touched", "all"):
        company = begin("narrow")
        company.write(NEW)
        company.box.faults(faults)
        ran, reads[whole] = company.run(*APPLY, "--read-back", whole)
        reports[whole] = outcome(ran)
    assert reports["touched"] == reports["all"]
    assert reports["touched"][0] == code, reports
    told = reports["touched"][1]
    about = {each["operatorId"] for each in told["results"] if each["outcome"] != "done"}
    about |= {each["operatorId"] for each in told["mismatches"]}
    assert whom in about if whom else not about
    assert kind != "nothing" or reads == {"touched": 9 + 8, "all": 9 + 10}


TARGETED: dict[str, tuple[str, str, str]] = {
    "an edit": ("8001", "", ""),
    "a delete": ("8003", "", ""),
    "a delete of whom is protected": ("8003", "protect: ['8003']\n", ""),
    "a delete of whom is nearly protected": ("8003", "protect: ['8OO3']\n", ""),
    "a delete over a count": ("8003", "guardrails: {maxDeletes: 0}\n", ""),
    "a delete over a share": ("8003", "guardrails: {maxDeletes: 0%}\n", ""),
    "a delete within a share": ("8003", "guardrails: {maxDeletes: 1%}\n", ""),
    "a password over a share": ("8004", "guardrails: {maxPasswords: 0%}\n", ""),
    "a change over a count": ("8005", "guardrails: {maxChanges: 0}\n", ""),
    "a number that somebody has": ("8002", "", "60009"),
    "nobody is pruned": ("8003", "prune: false\n", ""),
    "a scope": ("8003", "scope: {operatorId: ['8*', '9*']}\nguardrails: {maxDeletes: 10%}\n", ""),
    "an id that looks like another": ("8OO6", "", ""),
    "a new agent": ("9901", "", ""),
}
"""Whom a plan is narrowed to, what stands in the file's head, and a SIP number that another agent has."""


@pytest.mark.exhaustive(4)
@pytest.mark.parametrize("kind", TARGETED)
def test_a_narrowed_plan_is_the_same_by_either_look(begin: Begin, kind: str) -> None:
    """Actions, guardrails, notes and counts are those of a plan that read everybody."""
    target, head, taken = TARGETED[kind]
    company = begin("narrow")
    company.write(NEW + '- {operatorId: "8OO6"}\n', head, 8007)
    if taken:
        company.box.store.put("8100", sipNumber=taken)
    plans, reads = [], []
    for pattern in (target, f"[{target[0]}]{target[1:]}"):
        ran, read = company.run("plan", "--target", pattern, "--format", "json")
        reads.append(read)
        document = ran.json
        shown = {key: document[key] for key in ("actions", "guardrails", "summary", "live", "notes")}
        plans.append((ran.code, str(shown).replace(pattern, target)))
    assert plans[0] == plans[1]
    assert (reads[0] == 9, reads[1]) == (kind == "a scope", 9)
