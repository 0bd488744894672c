"""`reconciler rotate`: raises the versions of agents' passwords in the files, so that the next apply sets them anew."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.options import FILES, OPERATOR_ID
from reconciler.cli.shell import Shell
from reconciler.core.model.message import text
from reconciler.errors import WrongUsage


@click.command()
@click.argument("ids", nargs=-1, type=OPERATOR_ID, metavar="[ID]...")
@FILES
@click.pass_obj
def rotate(shell: Shell, /, ids: tuple[str, ...], files: tuple[Path, ...]) -> None:
    """Raise the version of agents' passwords in the files: the next apply sets them anew. No network.

    An agent whose password stands in its profile, in defaults or in its pool gets one of its own, and leaves its pool
    for an entry of its own. Comments and everything else stay. Commit the change, and apply it. Without ID, shows the
    versions that agents have in the files.

    \b
    Examples:
      reconciler rotate
      reconciler rotate 8001
      reconciler rotate 8001 8002 -f agents/
    """
    from reconciler.core.model.problem import closest
    from reconciler.edit.rotate import files_of, password_sources, raised, with_versions_raised
    from reconciler.files.desired_files import load_parsed
    from reconciler.files.worktree import write_file
    from reconciler.render.terminal import visible

    reading = load_parsed(files)
    sources = password_sources(reading)
    if not ids:
        shell.data("".join(visible(f"{id_}  {sources[id_]['version']}") + "\n" for id_ in sorted(sources)))
        return
    known = {str(agent.operator_id) for agent in reading.agents}
    for id_ in ids:
        if id_ not in known:
            guess = closest(id_, known)
            raise WrongUsage(
                "unknown-agent",
                text("no agent of the files is {id}", id=id_),
                text("did you mean {guess}?", guess=guess) if guess else text("check the number"),
            )
    if without := [id_ for id_ in ids if id_ not in sources]:
        hint = text("write one into the file: password: {{generate: true, version: 1}}")
        raise WrongUsage(
            "no-password", text("the files say no password of {without}", without=", ".join(without)), hint
        )
    wanted = {id_: raised(sources[id_]) for id_ in ids}
    for file, data in with_versions_raised(reading, wanted).items():
        write_file(Path(file), data, replace=True)
    for id_, file in files_of(reading, wanted).items():
        shell.tell(
            text(
                "{file}: {id} has version {version} of its password", file=file, id=id_, version=wanted[id_]["version"]
            )
        )
