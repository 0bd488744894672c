"""A `gh` that has no network: it notes what it was asked, and answers from a folder.

`answers.json` has the answers of `gh api` by method and path (without the query), and those of other commands by their
first two words; `artifacts/RUN/NAME/` is what `gh run download RUN` finds. Whatever has no answer there fails.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from itertools import pairwise
from pathlib import Path

SILENT = (
    ["pr", "create"],
    ["pr", "close"],
    ["issue", "close"],
    ["issue", "edit"],
    ["issue", "create"],
    ["label", "create"],
)


def main(arguments: list[str]) -> int:
    """Note the call, and answer it."""
    folder = Path(os.environ["FAKE_GH"])
    assert os.environ["GH_TOKEN"]
    assert os.environ["GH_REPO"]
    options = _options(arguments)
    body = next(
        (options[name].removeprefix("body=@") for name in ("-F", "--body-file", "--input") if name in options), None
    )
    call = {"arguments": arguments, "body": Path(body).read_text(encoding="utf-8") if body else None}
    with (folder / "calls.jsonl").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps(call) + "\n")
    if arguments[:2] == ["run", "download"]:
        found = folder / "artifacts" / arguments[2] / options["--name"]
        return _download(found, Path(options["--dir"]))
    if arguments[:2] in SILENT or "--silent" in arguments:
        return 0
    answers = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    asked = " ".join(arguments[:2]) if arguments[0] != "api" else _asked(arguments, options)
    if asked not in answers:
        sys.stderr.write(f"gh: no answer to {asked}\n")
        return 1
    sys.stdout.write(json.dumps(answers[asked]))
    return 0


def _options(arguments: list[str]) -> dict[str, str]:
    return {name: value for name, value in pairwise(arguments) if name.startswith("-")}


def _asked(arguments: list[str], options: dict[str, str]) -> str:
    (path,) = (argument for argument in arguments if argument.startswith("repos/"))
    return f"{options.get('--method', 'GET')} {path.partition('?')[0]}"


def _download(found: Path, target: Path) -> int:
    if not found.is_dir():
        sys.stderr.write("gh: no valid artifacts found to download\n")
        return 1
    shutil.copytree(found, target, dirs_exist_ok=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
