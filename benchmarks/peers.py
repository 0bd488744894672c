"""The peers octoDNS and terraform: they plan for as many things, of which as many differ. Neither uses a network.

octoDNS is installed in `.venv-bench`, from `benchmarks/requirements.txt`. It compares two zones of A records, each in
a YAML file of its own. terraform is measured only where it is installed. Each agent is a resource block of all its
fields, and this module writes terraform's state as its `apply` would have left it.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.data import CHANGED_EACH, changed, fields, live_name, operator_ids
from benchmarks.measure import ROOT, Sample, WrongAnswer, environment, run

OCTODNS: Final = ROOT / ".venv-bench/bin/octodns-sync"

_CONFIG: Final = """providers:
  wanted: {class: octodns.provider.yaml.YamlProvider, directory: wanted, enforce_order: false}
  live: {class: octodns.provider.yaml.YamlProvider, directory: live, enforce_order: false}
zones:
  example.com.: {sources: [wanted], targets: [live]}
"""


def write_zones(count: int, folder: Path) -> None:
    """Write a zone of so many records, as it should be and as it is live, and octoDNS' configuration."""
    for name in ("wanted", "live"):
        (folder / name).mkdir(parents=True)
        records = (_record(index, id_, live=name == "live") for index, id_ in enumerate(operator_ids(count)))
        (folder / name / "example.com.yaml").write_text("".join(records), encoding="utf-8")
    (folder / "config.yaml").write_text(_CONFIG, encoding="utf-8")


def octodns(count: int, folder: Path) -> Callable[[], Sample] | None:
    """Return a function that plans a zone of so many records; `None` where octoDNS is not installed."""
    if not OCTODNS.exists():
        return None
    _prepare("octodns", count, folder)

    def once() -> Sample:
        sample, printed = run((OCTODNS, "--config-file", "config.yaml"), folder)
        return _checked(sample, printed, rf"Updates={changed(count)}, Deletes=0, Existing={count}\b")

    return once


def _record(index: int, id_: str, *, live: bool) -> str:
    differs = live and index % CHANGED_EACH == 0
    address = f"10.{index >> 16 & 255}.{index >> 8 & 255}.{index & 255}"
    return f"a{id_}:\n  ttl: {600 if differs else 300}\n  type: A\n  value: {address}\n"


def _checked(sample: Sample, printed: str, pattern: str) -> Sample:
    if not re.search(pattern, printed):
        raise WrongAnswer(f"the peer did not plan what was expected ({pattern}):\n{printed[-2000:]}")
    return sample


def write_resources(count: int, folder: Path) -> None:
    """Write so many resource blocks, and the state in which terraform would have left them."""
    folder.mkdir(parents=True)
    (folder / "terraformrc").write_text("disable_checkpoint = true\n", encoding="utf-8")
    (folder / "main.tf").write_text("".join(_block(id_) for id_ in operator_ids(count)), encoding="utf-8")
    with (folder / "terraform.tfstate").open("w", encoding="utf-8") as state:
        json.dump(_state(count, terraform_version()), state)


def terraform(count: int, folder: Path) -> Callable[[], Sample] | None:
    """Return a function that plans so many resources; `None` where there is no terraform on the PATH."""
    binary = shutil.which("terraform")
    if binary is None:
        return None
    _prepare("terraform", count, folder)
    env = {"TF_CLI_CONFIG_FILE": "terraformrc", "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    run((binary, "init", "-input=false", "-no-color"), folder, env=env)

    def once() -> Sample:
        command = (binary, "plan", "-input=false", "-no-color", "-detailed-exitcode")
        sample, printed = run(command, folder, env=env, code=2)
        return _checked(sample, printed, rf"Plan: 0 to add, {changed(count)} to change, 0 to destroy\.")

    return once


def _prepare(peer: str, count: int, folder: Path) -> None:
    """Write a peer's files in a process of its own.

    The system counts the memory of whoever starts a process as the process's own, so this one must stay small.
    """
    run((sys.executable, "-m", "benchmarks.peers", peer, str(count), folder), ROOT)


def installed(binary: str) -> bool:
    """Whether a program is on the PATH."""
    return shutil.which(binary) is not None


def terraform_version() -> str:
    """Return the version of the terraform on the PATH."""
    command = (shutil.which("terraform") or "terraform", "version", "-json")
    done = subprocess.run(command, env=environment(), capture_output=True, check=True)  # noqa: S603 - the peer
    return str(json.loads(done.stdout)["terraform_version"])


def octodns_version() -> str:
    """Return the version of the octoDNS in `.venv-bench`."""
    command = (OCTODNS.with_name("python"), "-c", "import octodns; print(octodns.__version__)")
    done = subprocess.run(command, capture_output=True, check=True, text=True)  # noqa: S603 - the peer
    return done.stdout.strip()


def _block(id_: str) -> str:
    lines = "".join(f"    {name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in fields(id_).items())
    return f'resource "terraform_data" "a{id_}" {{\n  input = {{\n{lines}  }}\n}}\n'


_TYPES: Final = {str: "string", bool: "bool", int: "number"}


def _state(count: int, version: str) -> dict[str, Any]:
    return {
        "version": 4,
        "terraform_version": version,
        "serial": 1,
        "lineage": "6f1d2a36-52a0-4a51-8b16-0d4d5d6c7e10",
        "outputs": {},
        "resources": [_resource(index, id_) for index, id_ in enumerate(operator_ids(count))],
        "check_results": None,
    }


def _resource(index: int, id_: str) -> dict[str, Any]:
    live = {**fields(id_), "name": live_name(index, id_)}
    value = {"value": live, "type": ["object", {name: _TYPES[type(its)] for name, its in live.items()}]}
    attributes = {
        "id": f"00000000-0000-4000-8000-000000{id_}",
        "input": value,
        "output": value,
        "triggers_replace": None,
    }
    return {
        "mode": "managed",
        "type": "terraform_data",
        "name": f"a{id_}",
        "provider": 'provider["terraform.io/builtin/terraform"]',
        "instances": [{"schema_version": 0, "attributes": attributes, "sensitive_attributes": []}],
    }


if __name__ == "__main__":
    peer, count, folder = sys.argv[1:]
    {"octodns": write_zones, "terraform": write_resources}[peer](int(count), Path(folder))
