"""Reads and writes merge requests over GitLab's API. It lies at `.gitlab/merge_request.py` and needs only Python.

merge_request.py note FILE    keep one note on the merge request of this pipeline; the file's first line marks it
merge_request.py result FILE   say on the merged merge request, in counts, what the report of the apply says
merge_request.py issue FILE CODE   keep one issue about drift: open while CODE, of plan --detailed-exitcode, is not 0
merge_request.py adopt FILE   keep one merge request that brings this agents.yaml; close it where there is no FILE
merge_request.py digest       print the digest of the plan that was reviewed for the commit of this pipeline

Everything comes from the environment: GITLAB_API_TOKEN and GitLab's own CI_… variables.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

EXIT_REFUSED = 3


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would take the token to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def _refuse(why: str) -> NoReturn:
    sys.stderr.write(f"{why} Nothing was done: run a pipeline by hand.\n")
    raise SystemExit(EXIT_REFUSED)


def _ask(method: str, path: str, **fields: Any) -> Any:
    """Return the answer and its headers; `fields` are the query of a GET, and otherwise the body."""
    url = f"{os.environ['CI_API_V4_URL']}/projects/{os.environ['CI_PROJECT_ID']}/{path}"
    headers = {"PRIVATE-TOKEN": os.environ["GITLAB_API_TOKEN"], "Content-Type": "application/json"}
    body = None
    if method == "GET":
        url += f"?{urllib.parse.urlencode(fields)}"
    else:
        body = json.dumps(fields).encode()
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310
    try:
        return _OPENER.open(request, timeout=30)
    except urllib.error.HTTPError as error:
        sys.exit(f"GitLab answers {error.code} to {method} {path}")
    except OSError as error:
        sys.exit(f"GitLab cannot be reached: {error}")


def _get(path: str, **query: str) -> Any:
    with _ask("GET", path, **query) as answer:
        return json.load(answer)


def _pages(path: str, **query: str) -> Iterator[Any]:
    """Yield every row of a list, page by page."""
    page = "1"
    while page:
        with _ask("GET", path, **query, per_page="100", page=page) as answer:
            yield from json.load(answer)
            page = answer.headers.get("X-Next-Page", "")


def note(file: Path) -> None:
    """Write the file as a note, in place of the one that an earlier pipeline wrote."""
    body = file.read_text(encoding="utf-8")
    marker = body.splitlines()[0]
    notes = f"merge_requests/{os.environ['CI_MERGE_REQUEST_IID']}/notes"
    ours = _our_user()
    for found in _pages(notes):
        if found["author"]["username"].startswith(ours) and found["body"].startswith(marker):
            _ask("PUT", f"{notes}/{found['id']}", body=body).close()
            return
    _ask("POST", notes, body=body).close()


def result(file: Path) -> None:
    """Write what became of the merge as a note of its own, without a name; nothing where this is no merge."""
    report = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    run = f"[The pipeline]({os.environ['CI_PIPELINE_URL']})"
    told = report.get("mismatches") or report.get("error", {}).get("in_doubt") or []
    doubtful = len({each["operatorId"] for each in told if "error" in report or each.get("in_doubt")})
    in_doubt = f"{doubtful} agents are in doubt (perhaps made by somebody else)"
    if report.get("results") is None:  # a refusal leaves a report too, which has its reason and no results
        body = f"**Nothing was applied.** {run} says why; run one by hand to go on."
        body += f"\n{in_doubt}." if doubtful else ""
    else:
        warnings = len(report["warnings"])
        unlike = len({each["operatorId"] for each in report["mismatches"] if not each.get("in_doubt")})
        every = report["exit_code"] == 4 and report["verified"] and report["done"] == len(report["results"])
        if report["exit_code"] == 0:
            verdict = "**Applied.** The live agents are as this merge request says."
        elif every and doubtful and not (unlike or warnings):
            verdict = "**Applied.** The live agents are as this merge request says, and some are in doubt: "
            verdict += "look into the console."
        elif report["done"]:
            verdict = "**Applied in part.** Run a pipeline by hand to go on from there."
        else:
            verdict = "**Nothing of this is known to be applied.** Run a pipeline by hand."
        counts = Counter(each["outcome"] for each in report["results"])
        rows = "".join(f"| {outcome} | {count} |\n" for outcome, count in sorted(counts.items()))
        body = f"{verdict}\n\n| outcome | actions |\n|---|---|\n{rows}\n"
        body += f"{unlike} agents are not as was asked for, {in_doubt}, {warnings} warnings. {run} has the rest."
    for request in _merges():
        _ask("POST", f"merge_requests/{request['iid']}/notes", body=body).close()


def issue(file: Path, code: str) -> None:
    """Open, update or close the one issue with the label `drift` that this token's user has opened."""
    ours = _our_user()
    rows = _pages("issues", labels="drift", state="opened")
    found = next((row["iid"] for row in rows if row["author"]["username"].startswith(ours)), None)
    adoptable = file.with_name("agents.yaml").exists()
    text = f"{_ADOPT if adoptable else ''}{_REVERT}\n\n{file.read_text(encoding='utf-8')}"
    if code == "0":
        if found is not None:
            _ask("PUT", f"issues/{found}", state_event="close").close()
    elif found is not None:
        _ask("PUT", f"issues/{found}", description=text).close()
    else:
        title = "The live agents are not as the default branch says"
        _ask("POST", "issues", title=title, labels="drift", description=text).close()


def _our_user() -> str:
    """How the name of the user of this project's access token begins."""
    return f"project_{os.environ['CI_PROJECT_ID']}_bot"


_BRANCH = "adopt-drift"
_TITLE = "Adopt what was changed in the console"
_ADOPT = (
    f"Adopt it: merge the merge request of the branch {_BRANCH}, or commit the agents.yaml that the job `drift` keeps "
    "as an artifact.\n"
)
_REVERT = "Revert it: run a pipeline by hand, or apply the plan.json of the job `drift` as it was saved."


def adopt(file: Path) -> None:
    """Open the merge request or bring its branch up to date, as one commit on top of this one; or close it."""
    ours, source = _our_user(), {"source_branch": _BRANCH, "target_branch": os.environ["CI_DEFAULT_BRANCH"]}
    rows = _pages("merge_requests", state="opened", **source)
    found = next((row["iid"] for row in rows if row["author"]["username"].startswith(ours)), None)
    if not file.exists():
        if found is not None:
            _ask("PUT", f"merge_requests/{found}", state_event="close").close()
        return
    content = {"action": "update", "file_path": "agents.yaml", "content": file.read_text(encoding="utf-8")}
    commit = {"branch": _BRANCH, "start_sha": os.environ["CI_COMMIT_SHA"], "force": True}
    _ask("POST", "repository/commits", commit_message=_TITLE, actions=[content], **commit).close()
    if found is None:
        _ask("POST", "merge_requests", title=_TITLE, remove_source_branch=True, **source).close()


def digest() -> str:
    """Return the digest that the last plan of the merged commit left behind; refuse where that is not certain."""
    request = _get(f"merge_requests/{_merged()['iid']}")
    pipeline = request["head_pipeline"] or _refuse("The merge request had no pipeline.")
    # A pipeline of the merged result has a commit of its own.
    if pipeline["ref"].endswith("/head") and pipeline["sha"] != request["sha"]:
        _refuse("The last pipeline of the merge request is not of the commit that was merged.")
    if pipeline.get("source") != "merge_request_event":
        _refuse("The last pipeline of the merge request is none of a merge request.")
    jobs = _get(f"pipelines/{pipeline['id']}/jobs", scope="success", per_page="100")
    plans = [job["id"] for job in jobs if job["name"] == "plan"]
    if len(plans) != 1:
        _refuse("The last pipeline of the merge request has no plan.")
    with _ask("GET", f"jobs/{plans[0]}/artifacts/report/digest") as answer:
        found = str(answer.read(100).decode().strip())
    return found if re.fullmatch("[0-9a-f]{64}", found) else _refuse("The plan has no digest.")


def _merged() -> Any:
    """Return the one merge request of `_merges`; refuse where there is none, or several."""
    found = _merges()
    return (
        found[0] if len(found) == 1 else _refuse("This commit is not the merge of one merge request of this project.")
    )


def _merges() -> list[Any]:
    """Return the merge requests, not from a fork, whose merge is this pipeline's commit."""
    commit, branch = os.environ["CI_COMMIT_SHA"], os.environ["CI_DEFAULT_BRANCH"]
    return [
        request
        for request in _get(f"repository/commits/{commit}/merge_requests")
        if request["state"] == "merged"
        and request["target_branch"] == branch
        and request["source_project_id"] == request["target_project_id"]
        and commit in (request["merge_commit_sha"], request["squash_commit_sha"], request["sha"])
    ]


def main(arguments: list[str]) -> None:
    """Do what the command line asks for."""
    match arguments:
        case ["note", file]:
            note(Path(file))
        case ["result", file]:
            result(Path(file))
        case ["adopt", file]:
            adopt(Path(file))
        case ["issue", file, code]:
            issue(Path(file), code)
        case ["digest"]:
            sys.stdout.write(f"{digest()}\n")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
