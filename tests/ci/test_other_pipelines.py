"""The examples for Jenkins, Gitee, Kubernetes and policies: their commands are run, their settings looked at."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from reconciler.sandbox.server import Box
from tests.ci import gitlab, linters
from tests.ci.repository import NAMES, agents, git
from tests.ci.runner import EXAMPLES
from tests.credentials.keys import age_key
from tests.on_path import put_reconciler
from tests.process import Workplace

JENKINS: Final = (EXAMPLES / "jenkins/Jenkinsfile").read_text(encoding="utf-8")
GITEE: Final[Any] = yaml.safe_load((EXAMPLES / "gitee/reconciler.yml").read_text(encoding="utf-8"))
CRONJOB: Final[Any] = yaml.safe_load((EXAMPLES / "kubernetes/cronjob.yaml").read_text(encoding="utf-8"))
POLICY: Final = (EXAMPLES / "policy/plan.rego").read_text(encoding="utf-8")
AFTER: Final = {"8001": "张三丰", "8002": "李四", "8004": "赵六"}

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


@pytest.fixture
def place(tmp_path: Path, box: Box) -> Workplace:
    """A folder with a change to apply."""
    box.store.reset([{"operatorId": operator_id, "name": name} for operator_id, name in NAMES.items()])
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(tmp_path, "init", "--quiet", "--bare", "origin.git")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "remote", "add", "origin", str(tmp_path / "origin.git"))
    here = Workplace(folder, box.url)
    here.write(agents(age_key(tmp_path).recipient, AFTER))
    return here


def ledgers(place: Workplace) -> str:
    """The branches that an apply has pushed."""
    return git(place.folder.parent / "origin.git", "for-each-ref", "--format=%(refname:short)")


def sh(place: Workplace, *scripts: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run scripts one after the other, as `sh` steps do, until one fails."""
    bin_ = place.folder.parent / "bin"
    put_reconciler(bin_)
    known = {**place.environment(env), "PATH": f"{bin_}:{os.environ['PATH']}"}
    for script in scripts:
        done = subprocess.run(
            ["bash", "-xe", "-c", script], cwd=place.folder, env=known, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        if done.returncode:
            break
    return done


def jenkins() -> dict[str, str]:
    """The script of each stage."""
    found = re.findall(r"stage\('(\w+)'\)(.*?)(?=stage\('|\Z)", JENKINS, re.DOTALL)
    scripts = {name: re.findall(r"(?:sh |script: )'([^']*)'", body) for name, body in found}
    assert all(len(each) == 1 for each in scripts.values()), scripts
    return {name: each[0] for name, each in scripts.items()}


@pytest.mark.exhaustive(0)
def test_jenkins_applies_the_plan_that_was_read(place: Workplace, box: Box) -> None:
    """Plan exits with 2 where there is something to approve; apply does exactly that plan; then nothing is left."""
    env = dict(re.findall(r"(?m)^ +(RECONCILER_\w+) = '(.*)'$", JENKINS))
    stages = jenkins()
    assert list(stages) == ["Validate", "Plan", "Approve", "Apply"]
    assert sh(place, stages["Validate"], env=env).returncode == 0
    assert sh(place, stages["Plan"], env=env).returncode == 2
    done = sh(place, stages["Approve"], stages["Apply"], env=env)
    assert done.returncode == 0, done.stderr
    assert {each: agent["name"] for each, agent in box.store.agents().items()} == AFTER
    assert sorted(path.name for path in (place.folder / "delivered").iterdir()) == [
        "credentials.jsonl.age",
        "events.jsonl",
        "report.json",
    ]
    assert sh(place, stages["Plan"], env=env).returncode == 0
    assert ledgers(place) == "reconciler/ledger"


@pytest.mark.exhaustive(0)
def test_jenkins_refuses_what_moved_and_what_would_lie_open(place: Workplace, box: Box) -> None:
    """An agent that moved since the plan was read ends the apply with 3; without recipients nobody is asked."""
    stages = jenkins()
    assert sh(place, stages["Plan"]).returncode == 2
    box.store.put("8001", name="changed by hand")
    assert sh(place, stages["Apply"]).returncode == 3
    place.write(re.sub("(?m)^recipients.*\n", "", (place.folder / "agents.yaml").read_text()))
    assert sh(place, stages["Plan"]).returncode == 2
    assert sh(place, stages["Approve"]).returncode == 3


def test_the_jenkinsfile_is_clean() -> None:
    """Its brackets close, its commands are clean for shellcheck, and every token comes from the credentials' store."""
    bare = re.sub(r"//.*|'[^']*'|\"[^\"]*\"", "", JENKINS)
    for left, right in ("{}", "()", "[]"):
        assert bare.count(left) == bare.count(right)
    for script in jenkins().values():
        assert linters.shellcheck(script) == []
    found = re.findall(r"credentialsId: '([\w-]+)'", JENKINS)
    assert found == ["reconciler-read", "reconciler-git", "reconciler-write", "reconciler-git"]


def test_gitee_validates_and_plans(place: Workplace, box: Box) -> None:
    """Its commands, but for the installation, run, and nothing is changed."""
    (stage,) = GITEE["stages"]
    (step,) = stage["steps"]
    install, *commands = step["commands"]
    assert "--require-hashes" in install
    done = sh(place, *commands)
    assert done.returncode == 0, done.stderr
    assert box.store.history() == []
    assert sh(place, "sed -i s/name:/nmae:/ agents.yaml", *commands).returncode == 1


def test_the_cronjob_finds_drift(place: Workplace, box: Box) -> None:
    """Its arguments find a change (2), and nothing after the apply that its head names (0)."""
    (container,) = CRONJOB["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    env = {each["name"]: each["value"] for each in container["env"] if "value" in each}
    secret = {each["name"] for each in container["env"] if "valueFrom" in each}
    assert secret == {"RECONCILER_TOKEN", "LEDGER_TOKEN"}
    assert env.pop("RECONCILER_ENDPOINT").startswith("https://")
    place.env |= env
    assert place.run(*container["args"]).code == 2
    (instead,) = re.findall(r"`args: \[(.*?)\]`", (EXAMPLES / "kubernetes/cronjob.yaml").read_text(encoding="utf-8"))
    assert place.run(*instead.split(", ")).code == 0
    assert place.run(*container["args"]).code == 0
    assert ledgers(place) == "reconciler/acme"


def helpers() -> dict[str, dict[str, str]]:
    """How git learns the token, by the pipeline: the settings that are put into its environment."""
    pod = CRONJOB["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    found = {each["name"]: each["env"] for each in (*pod["initContainers"], *pod["containers"])}
    settings = {name: {each["name"]: each.get("value", "") for each in env} for name, env in found.items()}
    (stage,) = GITEE["stages"]
    words = shlex.split("\n".join(stage["steps"][0]["commands"]))
    return {**settings, "gitee": dict(word.split("=", 1) for word in words if word.startswith("GIT_CONFIG_"))}


@pytest.mark.parametrize("name", helpers())
def test_git_learns_the_token_for_its_own_address_alone(tmp_path: Path, name: str) -> None:
    """The helper answers for the host of the repository, and for no other."""
    settings = {key: value for key, value in helpers()[name].items() if key.startswith("GIT_CONFIG_")}
    host = "gitee.com" if name == "gitee" else "git.example"
    known = {"PATH": os.environ["PATH"], "LEDGER_TOKEN": "t0ken", "GIT_TERMINAL_PROMPT": "0", **settings}
    answers = []
    for asked in (host, "other.example"):
        done = subprocess.run(
            ["git", "credential", "fill"], input=f"protocol=https\nhost={asked}\n\n", env=known, cwd=tmp_path,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        answers.append("password=t0ken" in done.stdout)
    assert answers == [True, False]


def test_the_cronjob_has_no_rights() -> None:
    """No root, no writable image, no capability, no account of the cluster, one at a time, and an end."""
    spec = CRONJOB["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] > 0
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in (*pod["initContainers"], *pod["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert "valueFrom" in next(each for each in pod["containers"][0]["env"] if each["name"] == "RECONCILER_TOKEN")


def test_the_gitlab_component_is_the_example() -> None:
    """Who includes the component gets what who copies the example gets."""
    component = EXAMPLES.parents[1] / "templates/reconciler.yml"
    assert component.read_bytes() == gitlab.FILE.read_bytes()


def verdict(plan: dict[str, Any]) -> dict[str, list[str]]:
    """What the policy has against a plan, and what it warns of."""
    regopy = pytest.importorskip("regopy", reason="no Rego: regopy is not installed")
    rego = regopy.Interpreter()
    rego.add_module("plan", POLICY)
    rego.set_input(plan)
    return {
        rule: sorted(json.loads(str(rego.query(f"data.main.{rule}")))["expressions"][0]) for rule in ("deny", "warn")
    }


def test_the_policy_on_a_real_plan(place: Workplace, box: Box) -> None:
    """A right to call abroad and a replace are denied, with the agent; a plan without them passes."""
    box.store.put("8001", outcallflag=2)
    text = (place.folder / "agents.yaml").read_text()
    place.write(text.replace("name: 张三丰", "name: 张三, outcallflag: forbidden"))
    assert verdict(place.run("plan", "--format", "json").json)["deny"] == []
    place.write(text.replace("name: 张三丰", "name: 张三, outcallflag: allowed").replace("李四", "李四, judge: false"))
    told = verdict(place.run("plan", "--format", "json", "--allow-replace").json)
    assert told["deny"] == ["8001 may call abroad after this", "8002 would be deleted and made anew"]
    assert told["warn"] == ["more than a tenth of the agents change"]
