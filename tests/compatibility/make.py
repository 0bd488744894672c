"""Record what the code of today writes: `python -m tests.compatibility.make tests/compatibility/written_by_X_Y_Z`.

The folder must not be there yet. What an older version wrote is never made anew.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from tests.compatibility.office import APPLY, BOOKS, ENDPOINT, OPTIONS, Office, Row, timeless

RECIPIENT: Final = "age1vt64z0r3uczya8dhr4gtaycskzk6d28855fqmpfj4n8kmkyywakqfq55eg"
HEAD: Final = """\
version: 1
company: {abbreviate: acme, companyId: 4242}
scope: {operatorId: ["8*"]}
protect: ["8090"]
guardrails: {maxDeletes: 4, maxChanges: 40}
"""
FIRST: Final = (
    HEAD
    + """\
prune: false
agents:
- {operatorId: "8001", name: 张三, roleName: 客服}
- {operatorId: "8003", name: 李四, password: {env: AGENT_8003_PASSWORD, version: 1}}
- {operatorId: "8005", name: 王五, roleName: 班长, password: {generate: true, version: 2}}
- {operatorId: "8006", name: 赵六, roleName: 质检, ttscontent: 您好}
- {operatorId: "8009", name: 新人, bindSkillName: 售后热线, bindSkillLevel: 2}
"""
)
REVIEWED: Final = (
    HEAD
    + f"recipients: [{RECIPIENT}]\n"
    + """\
defaults: {isrecord: true}
profiles:
  outbound: {showcaller: "4008001234", afterInterval: 30, outcallflag: no-international}
agents:
- {operatorId: "8001", name: 张三丰, roleName: 班长, operatorType: leader, sipNumber: "60002"}
- {operatorId: "8002", bindcode: "+8613800138000", sipNumber: "60001"}
- {operatorId: "8003", name: 李四, password: {env: AGENT_8003_PASSWORD, version: 2}}
- {operatorId: "8004", password: {file: 8004.txt, version: 1}, status: disabled}
- {operatorId: "8005", name: 王五, roleName: 班长, judge: false}
- {operatorId: "8006", name: 赵六}
- {operatorId: "8009", name: 新人, sipNumber: null}
- {operatorId: "8010", profile: outbound, name: 欧阳雪, mainGroupName: 售后一组, status: disabled}
- {operatorId: "8011", name: 司马光, password: {generate: true, version: 1}, roleName: 客服}
pools:
- {from: "8101", to: "8104", except: ["8103"], profile: outbound, name: "外呼 {operatorId}"}
- {from: "8201", to: "8203", name: 夜班, password: {env: POOL_PASSWORD, version: 1}}
- {from: "8501", to: "8502", profile: outbound, name: 外呼}
"""
)
LEFT: Final = """\
- {operatorId: "8001", name: 张三丰, roleName: 班长}
- {operatorId: "8003", name: 李四}
- {operatorId: "8004"}
- {operatorId: "8005", name: 王五, roleName: 班长}
- {operatorId: "8010", name: 欧阳雪}
- {operatorId: "8011", name: 司马光}
"""
LOST: Final = (
    HEAD
    + "prune: false\nagents:\n"
    + LEFT
    + """\
- {operatorId: "8006", name: 赵六}
pools:
- {from: "8301", to: "8302", name: 早班}
"""
)
IN_PART: Final = (
    HEAD
    + "prune: false\nagents:\n"
    + LEFT
    + """\
- {operatorId: "8006", name: 赵六, judge: false, roleName: 质检}
"""
)
KILLED: Final = (
    HEAD
    + """\
agents:
- {operatorId: "8001", name: 张无忌, roleName: 质检}
- {operatorId: "8002", name: 周八}
- {operatorId: "8003", name: 李四, password: {env: AGENT_8003_PASSWORD, version: 3}}
- {operatorId: "8004", afterInterval: 15, password: {file: 8004.txt, version: 2}}
- {operatorId: "8005", name: 王五, roleName: 班长}
- {operatorId: "8006", name: 赵六, judge: false, roleName: 质检}
- {operatorId: "8009", name: 新人, isvideo: true}
- {operatorId: "8010", name: 欧阳}
- {operatorId: "8012", name: 诸葛亮}
pools:
- {from: "8101", to: "8102", name: "外呼 {operatorId}"}
- {from: "8201", to: "8203", name: 夜班}
- {from: "8301", to: "8302", name: 早班}
- {from: "8401", to: "8403", name: 机动}
- {from: "8501", to: "8502", name: 外呼}
"""
)
BEFORE_REFUSED: Final = HEAD + "agents:\n" + LEFT
REFUSED: Final = (
    HEAD
    + """\
agents:
- {operatorId: "8001", name: 张三丰, roleName: 客服, bindSkillName: 售后热线}
- {operatorId: "8003", name: 李四, password: {env: AGENT_8003_PASSWORD, version: 9}}
- {operatorId: "8004", roleName: 客服}
- {operatorId: "8005", name: 王五, roleName: 班长, email: wang@example.com}
- {operatorId: "8010", name: 欧阳雪}
- {operatorId: "8011", name: 司马光}
"""
)
A_REFUSAL: Final = """\
- {endpoint: create/v2, operatorId: "8006", fault: refuse, msg: 号码不足}
"""
A_LOST_ANSWER: Final = """\
- {endpoint: create/v2, operatorId: "8301", fault: truncated}
- {endpoint: editPwd, operatorId: "8301", fault: refuse, msg: 密码不合规}
"""
A_KILL: Final = """\
- {endpoint: edit/v2, operatorId: "8001", fault: hang-after}
- {endpoint: edit/v2, operatorId: "8002", fault: hang}
- {endpoint: edit/v2, operatorId: "8010", fault: refuse, msg: 坐席通话中}
- {endpoint: del/v2, operatorId: "8009", fault: hang-after}
- {endpoint: editPwd, operatorId: "8003", fault: hang-after}
- {endpoint: editPwd, operatorId: "8301", fault: hang}
- {endpoint: create/v2, operatorId: "8012", fault: hang-after}
- {endpoint: create/v2, operatorId: "8401", fault: hang-after}
"""
STILL: Final = 1.0
"""Seconds without a new line after which a run waits for the vendor alone."""
LONGEST: Final = 30.0
"""Seconds until it must have come to that."""


def _agent(number: int, name: str | None, sip: str | None, **more: Any) -> Row:
    usual = {"operatorType": 0, "afterInterval": 0, "isHidePhone": 0, "isrecord": 1, "outcallflag": 0, "isaudio": 1}
    rest = {"ismessage": 1, "isvideo": 0, "judge": 1, "status": 1, "mainGroupName": None}
    return {"operatorId": str(number), "name": name, "sipNumber": sip, **usual, **rest, **more}


COMPANY: Final = [
    _agent(8001, "张三", "60001", mainGroupName="售前组"),
    _agent(8002, "周七", "60002", bindcode="01062345678", isrecord=0),
    _agent(8003, "李四", "60003", email="li@example.com"),
    _agent(8004, None, None, afterInterval=5),
    _agent(8005, "王五", "60005", ttscontent="感谢来电，坐席正在接入，请稍候。", showcaller="4008001234"),
    _agent(8006, "赵六", "60006"),
    _agent(8007, "钱九", "60007", status=0),
    _agent(8008, "孙十", "60008"),
    _agent(8090, "受保护", "60090"),
    _agent(9001, "别组", "60091"),
]


class Maker:
    """One story, told into a folder that holds what was there before each chapter and what came of it."""

    def __init__(self, office: Office, target: Path) -> None:
        self._office = office
        self._target = target

    def tell(self) -> None:
        """The story: begin, save a plan, apply it, have two bad days, be killed, recover."""
        live = self._apply(COMPANY, FIRST)
        reviewed = self._before("reviewed", live, REVIEWED)
        live = self._reviewed(reviewed, live)
        self._refused(live)
        live = self._apply(live, LOST, faults=A_LOST_ANSWER, code=4)
        live = self._apply(live, IN_PART, faults=A_REFUSAL, code=4)
        left = self._before("left", live, KILLED)
        with self._office.vendor(live):
            self._save(left, 0)
        live = self._killed(live)
        killed = self._before("killed", live, KILLED)
        self._told(killed)
        with self._office.vendor(live) as vendor:
            ran = self._office.run("apply", *APPLY, *OPTIONS)
            assert ran.code == 0, ran.out + ran.err
            self._after(killed, vendor.listing(), timeless(ran.out), timeless(ran.err))

    def _apply(self, live: list[Row], file: str, *, faults: str = "", code: int = 0) -> list[Row]:
        with self._office.vendor(live, self._faults(faults)) as vendor:
            self._write(file)
            ran = self._office.run("apply", "-y", *OPTIONS)
            assert ran.code == code, ran.out + ran.err
            return vendor.listing()

    def _reviewed(self, folder: Path, live: list[Row]) -> list[Row]:
        with self._office.vendor(live) as vendor:
            self._save(folder, 0)
            ran = self._office.run("apply", "plan.json", *APPLY)
            assert ran.code == 0, ran.out + ran.err
            listed = vendor.listing()
            self._after(folder, listed, timeless(ran.out), timeless(ran.err))
        return listed

    def _refused(self, live: list[Row]) -> None:
        """With `--since`, so that it says whose doing each action is."""
        folder = self._target / "refused"
        folder.mkdir()
        self._write(BEFORE_REFUSED)
        who = ("-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false")
        for command in (("init", "--quiet"), ("add", "agents.yaml"), ("commit", "--quiet", "--message", "before")):
            subprocess.run(["git", *who, *command], cwd=self._office.folder, check=True)
        self._write(REFUSED)
        with self._office.vendor(live):
            self._save(folder, 3, "plan", "--since", "HEAD", "--max-deletes", "0")
        shutil.rmtree(self._office.folder / ".git")

    def _save(self, folder: Path, code: int, *arguments: str) -> None:
        ran = self._office.run(*(arguments or ("plan", *OPTIONS)), "--out", "plan.json")
        assert ran.code == code, ran.out + ran.err
        saved = (self._office.folder / "plan.json").read_bytes()
        (folder / "plan.json").write_bytes(saved)
        (folder / "digest.txt").write_text(json.loads(saved)["digest"] + "\n", encoding="utf-8")

    def _killed(self, live: list[Row]) -> list[Row]:
        journal = self._office.books / "journal.jsonl"
        with self._office.vendor(live, self._faults(A_KILL)) as vendor:
            self._write(KILLED)
            process = self._office.start("apply", "-y", *OPTIONS, "--parallelism", "32", "--timeout", "600")
            deadline = time.monotonic() + LONGEST
            before, since = b"", time.monotonic()
            while time.monotonic() < since + STILL:
                if (now := journal.read_bytes()) != before or b"8403" not in now:
                    before, since = now, time.monotonic()
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline, now.decode()
                time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            return vendor.listing()

    def _told(self, folder: Path) -> None:
        told = folder / "told"
        told.mkdir()
        for name, arguments in (("ledger", ("ledger", "show")), ("status", ("status",))):
            for format_, ending in (("text", "txt"), ("json", "json")):
                ran = self._office.run(*arguments, "--format", format_)
                assert (ran.code, ran.err) == (0, "")
                (told / f"{name}.{ending}").write_text(ran.out, encoding="utf-8")

    def _before(self, name: str, live: list[Row], file: str) -> Path:
        folder = self._target / name
        folder.mkdir(parents=True)
        self._write(file)
        shutil.copy(self._office.folder / "agents.yaml", folder)
        for book in BOOKS:
            shutil.copy(self._office.books / book, folder)
        _listed(folder / "live.json", live)
        return folder

    def _after(self, folder: Path, live: list[Row], out: str, err: str) -> None:
        after = folder / "after"
        after.mkdir()
        _listed(after / "live.json", live)
        shutil.copy(self._office.books / "ledger.json", after)
        (after / "out.txt").write_text(out, encoding="utf-8")
        (after / "err.txt").write_text(err, encoding="utf-8")

    def _write(self, file: str) -> None:
        (self._office.folder / "agents.yaml").write_text(file, encoding="utf-8")

    def _faults(self, rules: str) -> Path | None:
        path = self._office.folder / "faults"
        path.write_text(rules, encoding="utf-8")
        return path if rules else None


def _listed(path: Path, live: list[Row]) -> None:
    path.write_text(json.dumps(live, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    if target.exists():
        sys.exit(f"{target} is there already, and is never made anew")
    with tempfile.TemporaryDirectory() as scratch:
        office = Office(Path(scratch))
        (office.folder / "8004.txt").write_text("made-up-8004\n", encoding="utf-8")
        Maker(office, target).tell()
    sys.stdout.write(f"recorded against {ENDPOINT}\n")
