"""A plan that is saved, reviewed, and applied elsewhere or later: exactly that, once, or nothing with the reason."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import setitem
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.model.codes import KINDS
from reconciler.core.saved.plan_json import plan_document, read_plan
from reconciler.core.text import json_text
from reconciler.render import FORMATS
from reconciler.sandbox.server import Box
from tests.parent import Running
from tests.process import Ran, Workplace
from tests.reliability.killer import Killer
from tests.sandbox.wire import until

HEAD = "version: 1\ncompany: {abbreviate: acme, companyId: 4242}\nagents:\n"
FILE = (
    HEAD
    + """\
- {operatorId: "8001", name: new, roleName: 客服}
- {operatorId: "8002", password: {env: AGENT_GIVEN, version: 2}}
- {operatorId: "8003", name: 新人, password: {env: AGENT_GIVEN, version: 1}}
- {operatorId: "8004"}
"""
)
ROWS = [
    {"operatorId": "8001", "name": "old", "bindcode": "1"},
    {"operatorId": "8002"},
    {"operatorId": "8004", "name": "same"},
    {"operatorId": "8005", "name": "gone"},
]
GIVEN = "given-password"
WRITES = Counter({("edit/v2", "8001"): 1, ("editPwd", "8002"): 1, ("create/v2", "8003"): 1, ("del/v2", "8005"): 1})
"""What the plan of `FILE` sends, and to whom."""
DOUBLE = HEAD + '- {operatorId: "8001", name: new}\n'


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    """What starts processes without paying for the imports each time."""
    with Killer(tmp_path_factory.mktemp("logs")) as made:
        yield made


@dataclass(slots=True)
class Desk:
    """A folder, the vendor, and real processes."""

    place: Workplace
    box: Box
    killer: Killer

    @property
    def saved(self) -> Path:
        """Where plans are saved."""
        return self.place.folder / "plan.json"

    def start(self, *arguments: str, **env: str) -> Running:
        """Start `reconciler` with these arguments."""
        return self.killer.start(
            self.place.folder, self.place.environment({"AGENT_GIVEN": GIVEN, **self.place.env, **env}), *arguments
        )

    def run(self, *arguments: str, **env: str) -> Ran:
        """Run it to its end."""
        return self.killer.wait(self.start(*arguments, **env))

    def save(self, *arguments: str, code: int = 0) -> Any:
        """Save a plan; its document."""
        ran = self.run("plan", "--out", "plan.json", *arguments)
        assert ran.code == code, ran.err
        return json.loads(self.saved.read_bytes())

    def apply(self, *arguments: str, **env: str) -> Ran:
        """Apply the saved plan, approved."""
        return self.run("apply", "plan.json", "--auto-approve", *arguments, **env)

    def writes(self) -> Counter[tuple[str, str]]:
        """Every write that reached the vendor: endpoint and agent."""
        return Counter((write.endpoint, id_) for write in self.box.store.history() for id_ in write.operator_ids)

    def begin(self, file: str, *rows: dict[str, Any]) -> None:
        """Another file and other live agents."""
        self.box.store.reset(rows)
        self.place.write(file)

    def reseal(self, edit: Callable[[dict[str, Any]], object]) -> None:
        """What somebody does who changes a saved plan and can seal."""
        written = json.loads(self.saved.read_bytes())
        edit(written)
        written = plan_document(read_plan(written), written["tool"], written["created_at"])
        seal = hashlib.sha256(json_text(written).removesuffix("\n}\n").encode()).hexdigest()
        self.saved.write_bytes(json_text({**written, "seal": seal}).encode())

    @property
    def elsewhere(self) -> str:
        """The vendor under another name."""
        return self.box.url.replace("127.0.0.1", "localhost")


@pytest.fixture
def desk(place: Workplace, box: Box, killer: Killer) -> Iterator[Desk]:
    """Live agents of whom the file wants more."""
    desk = Desk(place, box, killer)
    desk.begin(FILE, *ROWS)
    yield desk
    box.faults([])


# Exactly that


def _nothing(_desk: Desk) -> None:
    """Nothing happens meanwhile."""


def _another_file(desk: Desk) -> None:
    desk.place.write(HEAD + '- {operatorId: "8001", name: smuggled}\n- {operatorId: "8009"}\n')


MEANWHILE: dict[str, Callable[[Desk], object]] = {
    "nothing": _nothing,
    "another file": _another_file,
    "no file": lambda desk: (desk.place.folder / "agents.yaml").unlink(),
    "a broken file": lambda desk: desk.place.write("version: [\n"),
    "another company's file": lambda desk: desk.place.write(FILE.replace("acme", "other")),
}


@pytest.mark.exhaustive(5)
@pytest.mark.parametrize("meanwhile", MEANWHILE.values(), ids=MEANWHILE)
def test_exactly_what_was_saved_is_applied(desk: Desk, meanwhile: Callable[[Desk], object]) -> None:
    """The calls of the saved plan are sent, no more and no fewer, whatever has become of the file since."""
    desk.save()
    assert desk.writes() == Counter()
    meanwhile(desk)
    ran = desk.apply()
    assert ran.code == 0, ran.err
    assert "Applied 4 of 4 actions." in ran.out
    assert desk.writes() == WRITES
    live = desk.box.store.agents()
    assert sorted(live) == ["8001", "8002", "8003", "8004"]
    assert (live["8001"]["name"], live["8001"]["roleName"]) == ("new", "客服")
    assert {live[id_]["password_md5"] for id_ in ("8002", "8003")} == {hashlib.md5(GIVEN.encode()).hexdigest()}
    desk.place.write(FILE)
    assert desk.run("plan", "--detailed-exitcode").code == 0


def test_a_change_elsewhere_voids_nothing(desk: Desk) -> None:
    """Agents that the plan does not touch may come, go and change: it is applied, and leaves them as they are."""
    desk.save()
    desk.box.store.put("8004", name="other")
    desk.box.store.put("9001", sipNumber="60009")
    assert desk.apply().code == 0
    assert desk.writes() == WRITES
    live = desk.box.store.agents()
    assert (live["8004"]["name"], live["9001"]["sipNumber"]) == ("other", "60009")


def test_swaps_and_replaces_are_applied_as_saved(desk: Desk) -> None:
    """Numbers that rotate and agents that are made anew need an order; a saved plan has the same one."""
    rows = [{"operatorId": f"800{n}", "sipNumber": f"6000{n}"} for n in (1, 2, 3)]
    file = HEAD + "".join(
        f'- {{operatorId: "800{n}", sipNumber: "6000{n % 3 + 1}", judge: {n > 1}}}\n' for n in (1, 2, 3)
    )
    desk.begin(file.replace("True", "true").replace("False", "false"), *rows)
    assert desk.save("--allow-replace")["summary"]["replace"] == 1
    assert desk.apply().code == 0
    live = {id_: (agent["sipNumber"], agent["judge"]) for id_, agent in desk.box.store.agents().items()}
    assert live == {"8001": ("60002", 0), "8002": ("60003", 1), "8003": ("60001", 1)}


def test_the_report_tells_the_plan_as_it_was_saved(desk: Desk) -> None:
    """The JSON report holds the plan with the digest and the time of the review."""
    saved = desk.save()
    report = desk.apply("--format", "json")
    assert report.code == 0
    del saved["seal"], saved["files"], saved["policy"]
    assert report.json["plan"] == saved
    assert report.json["exit_code"] == 0


def test_a_plan_of_nothing(desk: Desk) -> None:
    """A plan without actions is done when it is applied, as often as one likes."""
    desk.begin(HEAD + '- {operatorId: "8004"}\n', {"operatorId": "8004"})
    assert desk.save()["actions"] == []
    assert [desk.apply().code for _ in range(2)] == [0, 0]
    assert desk.writes() == Counter()


def test_the_command_line_says_where_the_books_lie(desk: Desk) -> None:
    """What a plan of `-f team/agents.yaml` did is remembered where `-f` says, and nowhere where nothing says it."""
    (desk.place.folder / "team").mkdir()
    desk.place.write(HEAD + '- {operatorId: "8002", password: {env: AGENT_GIVEN, version: 2}}\n', "team/agents.yaml")
    desk.box.store.reset(ROWS[1:2])
    desk.save("-f", "team/agents.yaml")
    unsaid = desk.apply()
    assert unsaid.code == 3
    assert "give -f as it was given to plan, or --ledger" in unsaid.err
    assert list(desk.place.folder.rglob("ledger.json")) == []
    assert desk.apply("-f", "team/agents.yaml").code == 0
    assert desk.run("plan", "-f", "team/agents.yaml", "--detailed-exitcode").code == 0


RESEALED = {
    "another folder": ["public/a.yaml"],
    "outside": ["/no/such/folder/a.yaml"],
    "two folders": ["public/a.yaml", "b.yaml"],
}


@pytest.mark.parametrize("files", RESEALED.values(), ids=RESEALED)
@pytest.mark.parametrize("said", [("-f", "agents.yaml"), ("--ledger", "mine/ledger.json"), ()])
def test_a_plan_that_was_sealed_again_decides_no_place(desk: Desk, files: list[str], said: tuple[str, ...]) -> None:
    """Whoever seals a plan again with other files leads neither ledger nor credentials to them."""
    (desk.place.folder / "public").mkdir()
    digest = desk.save()["digest"]
    desk.reseal(lambda plan: plan["desired"].update(files=files))
    ran = desk.apply("--expect", digest, *said)
    assert ran.code == (0 if said or files == RESEALED["two folders"] else 3), ran.err
    assert list((desk.place.folder / "public").iterdir()) == []


def _another_date(plan: dict[str, Any]) -> None:
    plan["created_at"] = f"{int(plan['created_at'][:4]) - 1}{plan['created_at'][4:]}"


def test_the_seal_is_expected(desk: Desk) -> None:
    """`plan --out` prints the file's seal, `show-plan` and GitHub's output too; `--expect` takes it for the digest."""
    ran = desk.run("plan", "--out", "plan.json", "--format", "github", GITHUB_OUTPUT=str(desk.place.folder / "out"))
    seal = json.loads(desk.saved.read_bytes())["seal"]
    assert f"Seal of the file: {seal}" in ran.err
    assert f"Seal of the file: {seal}" in desk.run("show-plan", "plan.json").err
    assert f"seal={seal}" in (desk.place.folder / "out").read_text().splitlines()
    assert desk.apply("--expect", seal).code == 0


@pytest.mark.parametrize(
    "edit", [_another_date, lambda plan: plan["desired"].update(files=["a.yaml"]), lambda plan: plan.update(tool="9")]
)
def test_with_the_seal_every_byte_is_what_was_reviewed(desk: Desk, edit: Callable[[dict[str, Any]], object]) -> None:
    """A plan that was sealed again has the digest of before, and another seal: with that it is refused."""
    written = desk.save("--expires-in", "3000d")
    desk.reseal(edit)
    assert json.loads(desk.saved.read_bytes())["digest"] == written["digest"]
    ran = desk.apply("--expect", written["seal"])
    assert ran.code == 3
    assert desk.writes() == Counter()


# Or nothing


TOUCHED: dict[str, tuple[Callable[[Box], object], dict[str, Any]]] = {
    "a value": (
        lambda box: box.store.put("8001", name="other"),
        {
            "operatorId": "8001",
            "message": "was changed on the live side",
            "changes": [{"field": "name", "before": "old", "after": "other"}],
        },
    ),
    "an unmanaged value": (
        lambda box: box.store.put("8001", bindcode="2"),
        {
            "operatorId": "8001",
            "message": "was changed on the live side",
            "changes": [{"field": "bindcode", "before": "1", "after": "2"}],
        },
    ),
    "appeared": (
        lambda box: box.store.put("8003"),
        {"operatorId": "8003", "message": "appeared: it was not there, and is listed now", "changes": []},
    ),
    "vanished": (
        lambda box: box.store.remove("8005"),
        {"operatorId": "8005", "message": "vanished: it is no longer listed", "changes": []},
    ),
}


@pytest.mark.parametrize(("touch", "told"), TOUCHED.values(), ids=TOUCHED)
def test_a_touched_agent_that_moved_voids_the_plan(
    desk: Desk, touch: Callable[[Box], object], told: dict[str, Any]
) -> None:
    """Nothing is sent or written, and the output is who moved and which values, as text and as one JSON document."""
    desk.save()
    touch(desk.box)
    ran, as_json = desk.apply(), desk.apply("--format", "json")
    assert (ran.code, as_json.code) == (3, 3)
    assert as_json.json["error"]["moved"] == [told]
    assert as_json.json["exit_code"] == 3
    first, *rest = ran.out.splitlines()
    assert first == f"! moved  {told['operatorId']}  {told['message']}"
    assert rest == [f"      {c['field']}: reviewed {c['before']}, now {c['after']}" for c in told["changes"]]
    assert "1 agent that it touches is not as it was reviewed" in ran.err
    assert desk.writes() == Counter()
    assert not list(desk.place.books.glob("credentials*"))
    assert not (desk.place.books / "ledger.json").exists()


def test_a_refused_plan_is_not_spent(desk: Desk) -> None:
    """What made it stale may be taken back: then it is what was reviewed again, and is applied."""
    desk.save()
    desk.box.store.put("8001", name="other")
    assert desk.apply().code == 3
    desk.box.store.put("8001", name="old")
    assert desk.apply().code == 0
    assert desk.writes() == WRITES


def test_a_record_that_moved_voids_the_plan(desk: Desk) -> None:
    """An apply of the same file meanwhile, undone in the console, leaves what the ledger knows: that too is told."""
    desk.begin(HEAD + '- {operatorId: "8002", password: {env: AGENT_GIVEN, version: 2}}\n', {"operatorId": "8002"})
    desk.save()
    assert desk.run("apply", "-y").code == 0
    ran = desk.apply()
    assert ran.code == 3
    assert "! moved  8002  has another record in the ledger" in ran.out
    assert "password.version: reviewed none, now 2" in ran.out


def test_a_hostile_vendor_writes_no_line_of_its_own(desk: Desk) -> None:
    """What moved is the vendor's text, and acts as little there as anywhere."""
    desk.save()
    desk.box.store.put("8001", name="\x1b[2J\n::error::x\n##[error]")
    ran = desk.apply()
    assert ran.code == 3
    assert "\x1b" not in ran.out + ran.err
    assert len(ran.out.splitlines()) == 2
    assert "##[" not in ran.out


# Once


def test_a_plan_is_applied_once(desk: Desk) -> None:
    """Not twice, not when the console has taken back all that it did, and not under another name."""
    desk.begin(DOUBLE, ROWS[0])
    desk.save()
    assert desk.apply().code == 0
    again = desk.apply()
    assert (again.code, again.out) == (3, "")
    assert "applied already" in again.err
    desk.box.store.put("8001", name="old")
    desk.saved.rename(desk.place.folder / "other.json")
    assert desk.run("apply", "other.json", "-y").code == 3
    assert desk.writes() == Counter({("edit/v2", "8001"): 1})


def test_a_plan_stays_spent_while_others_are_applied(desk: Desk) -> None:
    """Another plan that is applied in between does not make the ledger forget."""
    desk.begin(DOUBLE, ROWS[0])
    desk.save()
    spent = desk.saved.rename(desk.place.folder / "spent.json")
    assert desk.run("apply", spent.name, "-y").code == 0
    desk.place.write(DOUBLE.replace("new", "newer"))
    desk.save()
    assert desk.apply().code == 0
    desk.box.store.put("8001", name="old")
    ran = desk.run("apply", spent.name, "-y")
    assert ran.code == 3
    assert "applied already" in ran.err


def test_killed_amid_a_plan(desk: Desk) -> None:
    """Killed while the vendor is at it: the plan is spent, and a plan made anew does the rest."""
    desk.save()
    desk.box.faults([{"endpoint": "create/v2", "calls": [1], "fault": "hang-after"}])
    started = desk.start("apply", "plan.json", "-y", RECONCILER_PARALLELISM="1")
    until(lambda: any(attempt.fault for attempt in desk.box.store.attempts()))
    started.signal(signal.SIGKILL)
    assert desk.killer.wait(started).code == -signal.SIGKILL
    desk.box.faults([])
    sent = desk.writes()
    again = desk.apply()
    assert again.code == 3
    assert "applied already" in again.err
    assert desk.writes() == sent
    fresh = desk.run("apply", "-y")
    assert fresh.code == 0, fresh.out + fresh.err
    assert desk.writes()["create/v2", "8003"] == 1
    assert desk.run("plan", "--detailed-exitcode").code == 0


def test_a_plan_of_which_nothing_was_sent_is_not_spent(desk: Desk) -> None:
    """Where the journal cannot be written nothing is sent; that mended, the plan can be applied as it was reviewed."""
    desk.save()
    in_the_way = desk.place.books / ".journal.jsonl.new"
    in_the_way.mkdir(parents=True)
    failed = desk.apply()
    assert failed.code == 1
    assert "nothing was sent" in failed.err
    in_the_way.rmdir()
    assert desk.apply().code == 0
    assert desk.writes() == WRITES


def test_missing_passwords_do_not_spend_a_plan(desk: Desk) -> None:
    """A plan that could not begin, since a password is not set where it is applied, can be applied where it is."""
    desk.save()
    assert desk.apply(AGENT_GIVEN="short").code == 1
    assert desk.run("apply", "plan.json").code == 3  # nobody approved
    assert desk.apply().code == 0


# In time, there, and within its limits


def test_an_expired_plan(desk: Desk) -> None:
    """After the span that it was given a plan is only for reading."""
    desk.save("--expires-in", "1s")
    time.sleep(1.1)
    ran = desk.apply()
    assert (ran.code, ran.out) == (3, "")
    assert "expired at 20" in ran.err
    shown = desk.run("show-plan", "plan.json")
    assert shown.code == 0
    assert "expired at 20" in shown.err
    assert desk.writes() == Counter()


def test_another_endpoint(desk: Desk) -> None:
    """A plan is for the vendor that it was made with, by the very name."""
    desk.save()
    ran = desk.apply(RECONCILER_ENDPOINT=desk.elsewhere)
    assert (ran.code, ran.out) == (3, "")
    assert desk.box.url in ran.err
    assert desk.writes() == Counter()
    assert desk.apply(RECONCILER_ENDPOINT=desk.box.url + "/").code == 0


REFUSED: dict[str, tuple[str, list[str]]] = {
    "a guardrail": (DOUBLE, ["--max-deletes", "0"]),
    "a blocked change": (HEAD + '- {operatorId: "8001", judge: false}\n', []),
    "no agents": (HEAD[:-1] + " []\n", []),
}


@pytest.mark.parametrize(("file", "flags"), REFUSED.values(), ids=REFUSED)
def test_a_refused_plan_is_saved_and_never_applied(desk: Desk, file: str, flags: list[str]) -> None:
    """What a limit or a fixed field forbids can be saved and shown, so that it is reviewed; no apply carries it out."""
    desk.begin(file, {"operatorId": "8001", "judge": 1}, {"operatorId": "8005"})
    desk.save(*flags, code=3)
    shown = desk.run("show-plan", "plan.json")
    assert shown.code == 0
    assert "Refused: nothing of this may be applied" in shown.out
    for _ in range(2):
        ran = desk.apply()
        assert ran.code == 3
        assert "nothing was done: " in ran.err
    assert desk.writes() == Counter()


@pytest.mark.parametrize(
    "flags", [["--max-deletes", "100%"], ["--max-changes", "0"], ["--allow-replace"], ["--expires-in", "1h"]], ids=str
)
def test_a_saved_plan_brings_its_own_flags(desk: Desk, flags: list[str]) -> None:
    """A flag that belongs to planning says nothing about a saved plan: it is wrong usage, and not passed over."""
    desk.save()
    ran = desk.apply(*flags)
    assert (ran.code, ran.out) == (64, "")
    assert desk.writes() == Counter()


# By digest


def test_the_reviewed_digest_is_applied(desk: Desk) -> None:
    """`--expect` with the digest that `plan` printed applies it, though others have changed since; later it is over."""
    planned = desk.run("plan")
    found = re.search(r"^Digest: ([0-9a-f]{64})$", planned.out, re.MULTILINE)
    assert found is not None
    assert desk.save()["digest"] == found[1]
    desk.box.store.put("8004", name="other")
    desk.place.write("# 注释\n" + FILE)
    assert desk.run("apply", "-y", "--expect", found[1]).code == 0
    assert desk.writes() == WRITES
    over = desk.run("apply", "-y", "--expect", found[1])
    assert over.code == 3
    assert "nothing left to change" in over.err
    assert desk.writes() == WRITES


@pytest.mark.parametrize("digest", ["", "x", "0" * 63, "0" * 65, "A" * 64, "0" * 64 + "\n", "０" * 64])
def test_what_is_no_digest(desk: Desk, digest: str) -> None:
    """What is no digest is wrong usage, nothing at all included, as an unset variable of a pipeline gives."""
    ran = desk.run("apply", "-y", "--expect", digest)
    assert (ran.code, ran.out) == (64, "")
    assert "--expect" in ran.err
    assert desk.writes() == Counter()


def _reseals(desk: Desk) -> None:
    desk.reseal(lambda written: written["actions"][0]["changes"][0].update(after="smuggled"))


EXPECTING: dict[str, tuple[Callable[[Desk], object], list[str]]] = {
    "another digest": (_nothing, ["--expect", "0" * 64]),
    "another file": (_another_file, []),
    "a touched agent": (lambda desk: desk.box.store.put("8001", bindcode="2"), []),
    "another limit": (_nothing, ["--max-deletes", "5"]),
    "another span": (_nothing, ["--expires-in", "8d"]),
    "replaces allowed": (_nothing, ["--allow-replace"]),
    "fewer agents": (_nothing, ["--exclude", "8005"]),
    "another endpoint": (_nothing, ["--endpoint", "elsewhere"]),
    "a saved plan of another digest": (_nothing, ["plan.json", "--expect", "0" * 64]),
    "a saved plan that was forged": (_reseals, ["plan.json"]),
}


@pytest.mark.parametrize(("meanwhile", "arguments"), EXPECTING.values(), ids=EXPECTING)
def test_another_digest_than_the_expected(
    desk: Desk, meanwhile: Callable[[Desk], object], arguments: list[str]
) -> None:
    """Whatever decides and is not as it was reviewed: exit 3, nothing sent, and the digest of now is named."""
    digest = desk.save()["digest"]
    meanwhile(desk)
    given = [desk.elsewhere if argument == "elsewhere" else argument for argument in arguments]
    ran = desk.run("apply", "-y", "--expect", digest, *given)
    assert ran.code == 3
    assert re.search("not the one that was reviewed; its digest is [0-9a-f]{64}", ran.err)
    assert desk.writes() == Counter()


def test_flags_that_were_reviewed(desk: Desk) -> None:
    """Planned with flags, a digest is applied with the same flags; a saved plan needs only itself."""
    digest = desk.save("--max-deletes", "1", "--expires-in", "1h")["digest"]
    assert desk.run("apply", "-y", "--expect", digest).code == 3
    assert desk.run("apply", "-y", "--expect", digest, "--max-deletes", "1", "--expires-in", "60m").code == 0
    desk.begin(FILE, *ROWS)
    (desk.place.books / "ledger.json").unlink()
    assert desk.apply("--expect", digest).code == 0


# Shown


@pytest.mark.parametrize("state", ["stale", "expired", "refused"])
def test_a_saved_plan_is_shown_in_every_format(desk: Desk, state: str) -> None:
    """Stale, expired or refused, `show-plan` shows it as it was saved, in every format, and talks to nobody."""
    flags = {"stale": [], "expired": ["--expires-in", "1s"], "refused": ["--max-deletes", "0"]}[state]
    printed = desk.run("plan", "--out", "plan.json", *flags)
    saved = json.loads(desk.saved.read_bytes())
    if state == "stale":
        desk.box.store.put("8001", name="other")
    seen = len(desk.box.store.attempts())
    for name in FORMATS:
        shown = desk.run("show-plan", "plan.json", "--format", name, RECONCILER_TOKEN="", RECONCILER_ENDPOINT="")
        assert (shown.code, bool(shown.out)) == (0, True), (name, shown.err)
        assert "saved at 20" in shown.err
        if name == "text":
            assert shown.out == printed.out
        if name == "json":
            assert shown.json == {key: saved[key] for key in saved if key not in ("policy", "files", "seal")}
    assert len(desk.box.store.attempts()) == seen


# JSON alone


Before = Callable[[Desk], object]
"""What comes before a command that is refused."""
APPLY = ("apply", "plan.json", "-y")


def _then(do: Before) -> Before:
    return lambda desk: (desk.save(), do(desk))


def _refused(file: str, *flags: str) -> Before:
    return lambda desk: (desk.place.folder.joinpath("agents.yaml").write_text(file), desk.save(*flags, code=3))


ENDS: dict[str, tuple[int, Before, tuple[str, ...]]] = {
    "stale": (3, _then(lambda desk: desk.box.store.put("8001", name="x")), APPLY),
    "applied": (3, _then(Desk.apply), APPLY),
    "changed": (3, _then(lambda desk: desk.saved.write_bytes(desk.saved.read_bytes() + b" ")), APPLY),
    "only shown": (3, lambda desk: desk.run("plan", "--format", "json", "--output", "plan.json"), APPLY),
    "missing": (1, _nothing, APPLY),
    "a guardrail": (3, _refused(FILE, "--max-deletes", "0"), APPLY),
    "blocked": (3, _refused(HEAD + '- {operatorId: "8001", email: x}\n', "--max-deletes", "9"), APPLY),
    "another endpoint": (3, Desk.save, (*APPLY, "--endpoint", "elsewhere")),
    "another digest": (3, Desk.save, (*APPLY, "--expect", "0" * 64)),
    "not approved": (3, Desk.save, APPLY[:-1]),
    "a password that is none": (1, lambda desk: setitem(desk.place.env, "AGENT_GIVEN", desk.save() and "x"), APPLY),
    "a flag that is not for it": (64, Desk.save, (*APPLY, "--max-deletes", "1")),
    "no digest": (64, Desk.save, (*APPLY, "--expect", "x")),
    "a forged one, shown": (3, _then(lambda desk: desk.saved.write_text("{}")), ("show-plan", "plan.json")),
    "not to be saved": (1, _nothing, ("plan", "--out", "no/such/folder/plan.json")),
}


@pytest.mark.exhaustive(5)
@pytest.mark.parametrize(("code", "before", "arguments"), ENDS.values(), ids=ENDS)
def test_json_alone_however_it_ends(desk: Desk, code: int, before: Before, arguments: tuple[str, ...]) -> None:
    """With `--format json` every refusal and error is one document on stdout: exit code, message and code."""
    before(desk)
    given = [desk.elsewhere if argument == "elsewhere" else argument for argument in arguments]
    ran = desk.run(*given, "--format", "json")
    assert ran.code == code, ran.err
    said = ran.json
    assert said["exit_code"] == code
    assert said["error"]["message"]
    assert {"code", "message", "hint", "problems"} <= set(said["error"])
    assert said["error"]["code"] in KINDS


def test_the_same_plan_is_the_same_bytes(desk: Desk) -> None:
    """Whatever order Python's sets have, two plans of the same are the same JSON but for the time."""
    first, second = (desk.place.run("plan", "--format", "json", env={"PYTHONHASHSEED": seed}) for seed in "12")
    one, other = (re.sub('"created_at": "[^"]*"', "", ran.out) for ran in (first, second))
    assert one == other
