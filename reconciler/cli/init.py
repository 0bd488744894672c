"""`reconciler init`: writes the first files of a repository of agents, and says the next steps."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from reconciler.cli.live import COMPANY_ID, vendor_options
from reconciler.cli.shell import Shell
from reconciler.cli.shipped import shipped
from reconciler.core.model.message import Text, text
from reconciler.errors import Declined, ReconcilerError, unreadable

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from reconciler.core.model.desired import Company

FILE: Final = "agents.yaml"
SCHEMA: Final = "schemas/agents.schema.json"
IGNORED: Final = ".reconciler/"
_IGNORING_LINES: Final = frozenset(
    (".reconciler", "/.reconciler", "/.reconciler/", "**/.reconciler", "**/.reconciler/", IGNORED)
)
_MAX_IGNORE_BYTES: Final = 1024 * 1024

_ABOUT: Final = """\
#
# The agents of one company, as they should be. Lines like `#protect:` are examples: take the # away.
# `reconciler explain` names every field, and an editor offers them as you type.
# 一个企业的坐席清单。像 #protect: 这样的行是示例，去掉 # 即生效；reconciler explain 列出所有字段。
"""
_REST: Final = """
# Never deleted or replaced, whatever this file says. 永不删除或重建的坐席：
#protect: ["8000"]

# Limits that a plan must not cross. 计划不得超过的限制：
#guardrails: {maxDeletes: 20%, maxChanges: 100}

# What every agent has that does not say otherwise. 所有坐席的默认值：
#defaults: {isrecord: true, afterInterval: 10}

# Named sets of values, which agents refer to. 具名模板，供坐席引用：
#profiles:
#  leader: {operatorType: leader, outcallflag: allowed}

# The agents. A field that is nowhere stays as it is. 坐席列表，没写的字段保持原样：
agents: []
# For example; take away the [] as well. 例如（[] 也要去掉）：
#  - {operatorId: "8001", profile: leader, name: 张三, mainGroupName: 售后一组}
#  - operatorId: "8002" # a number that is text: in quotes. 工号、电话是文本，要加引号
#    name: 李四
#    bindcode: "13800138000"
#    password: {generate: true, version: 1} # a strong one is made and delivered. 自动生成强密码
"""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=".")
@click.option("--company", metavar="ABBREVIATE", required=True, help="Whose agents.")
@COMPANY_ID
@click.option(
    "--ci", type=click.Choice(["github", "gitlab", "none"]), default="none", show_default=True, help="Add a pipeline."
)
@click.option("--from-export", is_flag=True, help="Begin with the live agents, not with an example.")
@vendor_options
@click.pass_obj
def init(shell: Shell, /, folder: Path, **options: Any) -> None:
    """Write the first files of a repository of agents: agents.yaml, its schema, .gitignore, and a pipeline.

    agents.yaml names nobody yet and says `prune: false`, so that its plan is empty. A file that is there is kept, and
    said; where all of them are, the exit code is 3. Only with --from-export is the vendor asked.

    \b
    Examples:
      reconciler init --company acme
      reconciler init agents --company acme --ci github --from-export
    """
    from reconciler.cli.live import company_named

    company = company_named(options["company"], options["company_id"])
    agents_file = folder / FILE
    exported = options["from_export"] and not os.path.lexists(agents_file)
    agents = _exported(shell, company, options) if exported else _example(company)
    files = [(agents_file, agents), (folder / SCHEMA, _schema())]
    files += [(folder / name, data) for name, data in _pipeline(options["ci"])]
    written = [_write_new(shell, path, data) for path, data in files]
    if not any((*written, _ignore(shell, folder / ".gitignore"))):
        raise Declined(
            "already-there",
            text("everything is there already"),
            text("nothing was written; delete what should be written anew"),
        )
    for number, step in enumerate(_steps(folder, options["ci"], exported=exported), 1):
        shell.tell(text("{number}. {step}", number=number, step=step))
    _warn_about_root(shell, folder, options["ci"])


# The contents of the files.


def _example(company: Company) -> bytes:
    """A desired-state file without agents, with an example of everything in comments."""
    from reconciler.core.export.files import KEEPS_ALL, FileHeader, agents_file

    text = agents_file({}, company, FileHeader(SCHEMA, _ABOUT, KEEPS_ALL))
    return (text.removesuffix("\nagents: []\n") + _REST).encode()


def _exported(shell: Shell, company: Company, options: dict[str, Any]) -> bytes:
    from reconciler.cli.live import check_export, read_live, warn_unexported
    from reconciler.core.export.files import EXPORT_HEADER, KEEPS_ALL, FileHeader, export

    live = read_live(shell, company, options)
    exported = export(live, company, FileHeader(SCHEMA, EXPORT_HEADER.about, KEEPS_ALL))
    check_export(exported, live)
    warn_unexported(shell, exported.warnings)
    return exported.files[FILE].encode()


def _schema() -> bytes:
    from reconciler.core.desired.schema import agents_schema
    from reconciler.core.text import json_text

    return json_text(agents_schema()).encode()


_PLACES: Final[dict[str, Callable[[str], str]]] = {
    "github": lambda name: f".github/{name if '/' in name or name == 'CODEOWNERS' else f'workflows/{name}'}",
    "gitlab": lambda name: name if name == ".gitlab-ci.yml" else f".gitlab/{name}",
}


def _pipeline(ci: str) -> Iterator[tuple[str, bytes]]:
    """The files of a pipeline: each one's path in the repository, and its bytes."""
    if ci == "none":
        return
    examples = shipped("ci")
    for name, entry in _below(examples / ci, ""):
        yield _PLACES[ci](name), entry.read_bytes()
    yield f".{ci}/reconciler.in", (examples / "reconciler.in").read_bytes()


def _below(folder: Traversable, name: str) -> Iterator[tuple[str, Traversable]]:
    """Every file of a folder by its name in it, those of folders included."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_file():
            yield name + entry.name, entry
        elif not entry.name.startswith("__"):
            yield from _below(entry, f"{name}{entry.name}/")


# Writing.


def _write_new(shell: Shell, path: Path, data: bytes) -> bool:
    """Write a file unless it exists; say what was done, and return whether the file was written."""
    from reconciler.files.worktree import write_file

    if os.path.lexists(path):
        shell.tell(text("kept {path}: it is there already", path=path))
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReconcilerError(
            "unwritable-file", text("the folder {parent} cannot be made: {why}", parent=path.parent, why=error.strerror)
        ) from None
    write_file(path, data, replace=False)
    shell.tell(text("wrote {path}", path=path))
    return True


def _ignore(shell: Shell, path: Path) -> bool:
    """Have git ignore the folder of ledgers and credentials; the other lines of `.gitignore` stay."""
    from reconciler.files.private import read_regular
    from reconciler.files.worktree import write_file

    if not os.path.lexists(path):
        return _write_new(shell, path, f"{IGNORED}\n".encode())
    try:
        data, _ = read_regular(path, _MAX_IGNORE_BYTES)
    except OSError as error:
        raise unreadable(path, error, text("add {ignored} to it", ignored=IGNORED)) from None
    if _IGNORING_LINES & {line.strip().decode("utf-8", "replace") for line in data.splitlines()}:
        shell.tell(text("kept {path}: it has {ignored} already", path=path, ignored=IGNORED))
        return False
    end = b"\r\n" if b"\r\n" in data else b"\n"
    unfinished = bool(data) and not data.endswith(b"\n")
    write_file(path, data + end * unfinished + IGNORED.encode() + end, replace=True)
    shell.tell(text("wrote {path}: {ignored} added", path=path, ignored=IGNORED))
    return True


# The next steps.


def _steps(folder: Path, ci: str, *, exported: bool) -> Iterator[Text]:
    file = shlex.quote(str(folder / FILE))
    file_option = "" if folder == Path() else f" -f {file}"
    if exported:
        yield text("read {file}: from now on it is what you edit", file=file)
    else:
        yield text("fill it: reconciler export --into {file}, or reconciler import SHEET --into {file}", file=file)
    commands = f"reconciler validate{file_option} && reconciler plan{file_option}"
    yield text("set RECONCILER_ENDPOINT and RECONCILER_TOKEN_FILE, then: {commands}", commands=commands)
    if ci == "none":
        yield text("commit it all; reconciler init --ci github (or gitlab) adds a pipeline")
    else:
        lock = "lock .{ci}/reconciler.in as it says, and set up what docs/ci.md of reconciler lists; then commit it all"
        yield text(lock, ci=ci)
        yield text("the pipeline keeps its ledger on the branch reconciler/ledger, which the first apply makes")


def _warn_about_root(shell: Shell, folder: Path, ci: str) -> None:
    """Warn when the pipeline does not lie in the root of the repository, the only place where it is found."""
    here = Path(os.path.realpath(folder))
    root = next((ancestor for ancestor in (here, *here.parents) if (ancestor / ".git").exists()), here)
    if ci != "none" and root != here:
        shell.tell(
            text("warning: pipelines are looked for in {root}, the root of the repository; move them there", root=root)
        )
