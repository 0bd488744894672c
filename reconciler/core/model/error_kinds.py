"""The kinds of errors that end a command, each by a code that stays: meaning, example, and way out."""

from __future__ import annotations

from typing import Final

from reconciler.core.model.kind import Kind

ERRORS: Final[dict[str, Kind]] = {
    "already-there": Kind(
        "a file that would be written is there already",
        "export --output agents.yaml, twice",
        "--force, or another name",
    ),
    "another-endpoint": Kind(
        "a saved plan was made for another vendor",
        "RECONCILER_ENDPOINT of the test system, and a plan of the real one",
        "the endpoint that the plan names, or another plan",
    ),
    "another-format": Kind(
        "another version has saved the plan, in another form",
        "a plan of version 0.1.0",
        "the version that saved it, or another plan",
    ),
    "another-ledger": Kind(
        "the books are those of another vendor or company",
        "--ledger of a company with another abbreviate",
        "its own ledger, or reconciler ledger rebind",
    ),
    "another-plan": Kind(
        "the plan is not the one that was reviewed",
        "apply --expect DIGEST, after somebody has edited an agent",
        "plan again, and have that reviewed",
    ),
    "another-tool": Kind(
        "a command or an option is Terraform's, or written as there", "plan -out p.json", "plan --out p.json"
    ),
    "applied-already": Kind(
        "the plan was applied before", "apply p.json, twice", "reconciler status, and another plan to go on"
    ),
    "bad-certificate": Kind("a file of certificates holds none", "--ca-file key.pem", "--ca-file ca.pem"),
    "bad-credentials": Kind(
        "a credentials file is damaged, or none", "credentials agents.yaml", "a file that apply has written"
    ),
    "bad-data-file": Kind(
        "the sandbox cannot use a file that it was given",
        "--rules, with a word that it does not know",
        "mend the line that the message names",
    ),
    "bad-endpoint": Kind(
        "the vendor's address is no plain URL", "--endpoint vendor.example/api?x=1", "--endpoint https://vendor.example"
    ),
    "bad-identity": Kind(
        "no private key opens what is sealed",
        "--identity with a public key",
        "--identity with the file of age-keygen, or an SSH key",
    ),
    "bad-ledger": Kind(
        "the ledger's address is none, or leads nowhere", "--ledger s3:bucket", "--ledger s3://bucket/path/ledger.json"
    ),
    "bad-lock": Kind(
        "what should be the lock is something else",
        "a file called lock, put there by hand",
        "delete it, once no apply is running",
    ),
    "bad-proxy": Kind(
        "the proxy's address is no plain http:// URL", "--proxy proxy.example", "--proxy http://proxy.example:3128"
    ),
    "bad-recipient": Kind(
        "a recipient is no public key", "recipients: [age1qqq]", "the whole line that age-keygen shows"
    ),
    "bad-token": Kind(
        "there is no token, or what is given is none",
        "RECONCILER_TOKEN with a line break in it",
        "RECONCILER_TOKEN, or --token-file with mode 0600",
    ),
    "bad-value": Kind(
        "an option or an argument does not take what it is given", "plan --format pdf", "plan --format html"
    ),
    "books-damaged": Kind(
        "ledger or journal cannot be understood", "a ledger that was edited by hand", "restore it, or move it away"
    ),
    "books-too-large": Kind(
        "a file of the ledger's branch is larger than any that is read", "300 MB", "a branch of its own"
    ),
    "cannot-decrypt": Kind(
        "what is sealed does not open", "the credentials of another team", "the key of one of the recipients"
    ),
    "cannot-edit": Kind(
        "a file cannot be changed without changing more than is wanted",
        "an alias that two agents share",
        "change it by hand",
    ),
    "cannot-listen": Kind("the sandbox cannot have its address", "a port that is in use", "--port 0"),
    "cannot-lock": Kind(
        "where the ledger lies nothing can be locked",
        "a network share without locks",
        "a local disk, or a remote ledger",
    ),
    "cannot-move": Kind("the books cannot be moved", "a folder that may not be written", "move them by hand"),
    "clashing-options": Kind(
        "options do not go together, or one needs another", "plan --offline, without --since", "plan --help"
    ),
    "demo-failed": Kind(
        "a step of the demo did not work", "no room in the temporary folder", "the command that it shows, by itself"
    ),
    "encrypted": Kind(
        "credentials are encrypted, and no key was named",
        "credentials c.jsonl.age",
        "credentials --identity key.txt c.jsonl.age",
    ),
    "extra-missing": Kind(
        "a library is not installed that only some commands need",
        "notify, without apprise",
        "the extra that the message names",
    ),
    "folder-in-use": Kind(
        "a folder holds desired-state files that are not the export's",
        "export --split-by mainGroupName, into agents/",
        "an empty folder",
    ),
    "git-failed": Kind("a call of git did not work", "a remote that does not answer", "what git says in the message"),
    "git-missing": Kind("git is not installed, or too old", "--since in a bare container", "install git"),
    "incomplete-installation": Kind(
        "files that belong to the package are missing", "a copy of the code alone", "install the wheel"
    ),
    "insecure-address": Kind(
        "an address would send what is secret, or books, in the clear",
        "http://vendor.example",
        "https://vendor.example",
    ),
    "internal-error": Kind("a case that nobody thought of", "", "report it, with the line of the message"),
    "invalid-files": Kind(
        "the desired-state files have problems", "a key that is not known", "mend those that are listed"
    ),
    "invalid-sheet": Kind("a spreadsheet has problems", "two rows of one number", "mend those that are listed"),
    "ledger-conflict": Kind(
        "somebody else wrote the ledger meanwhile", "two applies, one of them without a lock", "apply again"
    ),
    "lock-left": Kind(
        "the lock of a remote ledger could not be released",
        "a store that failed at the end",
        "reconciler ledger unlock --id ID",
    ),
    "lock-lost": Kind(
        "somebody removed the lock while an apply ran", "ledger unlock, during an apply", "look at the next plan"
    ),
    "locked": Kind("another apply holds the lock", "two pipelines at once", "wait until it is over"),
    "missing-argument": Kind(
        "a command, or what it must be given, is missing", "ledger unlock", "ledger unlock --id ID"
    ),
    "newer-format": Kind(
        "a newer version wrote a file of ours", "a ledger of version 2, read by version 1", "update reconciler"
    ),
    "no-agents": Kind("a spreadsheet names no agent", "headings alone", "a row for each agent"),
    "no-books": Kind(
        "there are no books where they are looked for",
        "--ledger git+origin#main",
        "a branch or file of the ledger's own",
    ),
    "no-bucket": Kind("the object store has no such bucket", "s3://acne/ledger.json", "the bucket's name"),
    "no-company": Kind("nobody says which company is meant", "export, without a file", "--company acme"),
    "no-endpoint": Kind(
        "nobody says which vendor to talk to", "plan, in a new shell", "RECONCILER_ENDPOINT, or --endpoint"
    ),
    "no-ledger": Kind(
        "nobody says where the books of a saved plan lie",
        "apply p.json, from another folder",
        "-f as it was given to plan, or --ledger",
    ),
    "no-password": Kind(
        "an agent has no password in the files",
        "rotate 8001, without password: of 8001",
        "password: {generate: true, version: 1}",
    ),
    "no-permission": Kind(
        "the store or the git remote refuses us", "a token that may only read", "the permissions of docs/ledger.md"
    ),
    "no-receiver": Kind(
        "nobody is named whom notify could tell", "notify, without RECONCILER_NOTIFY", "RECONCILER_NOTIFY=slack://…"
    ),
    "no-recipients": Kind(
        "a plan makes credentials, and nobody is named who could open them",
        "a remote ledger, and a create",
        "recipients: [age1…]",
    ),
    "no-regular-file": Kind(
        "something else than a file stands where one would be written", "--output /dev/tty", "the name of a file"
    ),
    "no-report": Kind("a file is no report of an apply", "notify --report p.json", "notify --report report.json"),
    "no-saved-plan": Kind(
        "a file is a plan to read, and none to apply", "plan --format json > p.json", "plan --out p.json"
    ),
    "no-terminal": Kind("there is nobody to ask", "apply, in a pipeline", "--auto-approve, once the plan is reviewed"),
    "not-approved": Kind("the answer was not yes", "y", "yes"),
    "not-delivered": Kind("a receiver took no notice", "a token that has expired", "try that URL by itself"),
    "not-locked": Kind("a lock that should be removed is not there", "ledger unlock, twice", "nothing"),
    "not-shown": Kind(
        "the plan could not be shown, so nobody can approve it",
        "apply, its output closed",
        "look where the output goes",
    ),
    "not-the-same": Kind("what was made does not mean what it should", "", "report it: nothing was written"),
    "open-calls": Kind(
        "a journal has calls that nobody has looked up",
        "another run, over one that was killed",
        "apply again: it looks them up",
    ),
    "out-of-memory": Kind("there is not enough memory", "a container with 64 MB", "allow it more"),
    "output-is-input": Kind(
        "the output would replace what somebody still needs: files, books, credentials, another output",
        "plan --output agents.yaml",
        "another name",
    ),
    "partial-clone": Kind(
        "the clone does not have what the revision holds",
        "git clone --filter=blob:none",
        "git fetch --refetch --no-filter",
    ),
    "plan-changed": Kind(
        "a saved plan is not as it was saved", "an editor that has changed a line", "save another one"
    ),
    "plan-expired": Kind(
        "the plan's time is over", "--expires-in 1h, and applied after two", "plan again, and have that reviewed"
    ),
    "plan-refused": Kind(
        "a guardrail or a blocked change forbids the plan", "30 of 100 agents taken out of the file", "as the plan says"
    ),
    "readable-by-others": Kind(
        "others can read a file that holds a secret", "a token file with mode 0644", "chmod 600"
    ),
    "reader-ended": Kind(
        "the process that reads large files has ended by itself",
        "a container with little memory",
        "more memory, or several files",
    ),
    "several-ledgers": Kind(
        "the folder has the books of several vendors", "ledger show, without --endpoint", "--endpoint"
    ),
    "stale-plan": Kind(
        "what a plan was made of has changed",
        "8001, edited in the console after the review",
        "plan again, and have that reviewed",
    ),
    "store-failed": Kind(
        "the object store is not reachable, or answers with an error",
        "a wrong region",
        "network, endpoint, region, credentials",
    ),
    "unclear-change": Kind(
        "the files of before have problems, so that nobody knows what the change means",
        "plan --offline --since, at a bad revision",
        "a revision whose files are good",
    ),
    "unexpected-argument": Kind(
        "a command takes no argument, or another one", "plan agents.yaml", "plan -f agents.yaml"
    ),
    "unknown-agent": Kind("nobody has an id that was named", "--target 8O01", "--target 8001"),
    "unknown-command": Kind("there is no such command", "reconciler pln", "reconciler plan"),
    "unknown-option": Kind("a command has no such option", "plan --fromat json", "plan --format json"),
    "unknown-revision": Kind("git does not know a revision, or knows several", "--since mian", "--since main"),
    "unreadable-sheet": Kind(
        "a file is no spreadsheet, or of an encoding that is not known",
        "a workbook called .csv",
        "CSV UTF-8, as Excel saves it",
    ),
    "untrusted-books": Kind(
        "git tracks the books, or they lie behind a link: a change could bring them",
        ".reconciler/ in a commit",
        "git rm --cached, and .gitignore",
    ),
    "untrusted-certificate": Kind(
        "nobody who is believed signs for the store", "a proxy that looks into TLS", "--ca-file"
    ),
    "unwritable-file": Kind("a file or folder cannot be written", "a full disk", "room, rights, or another name"),
    "vendor-refused": Kind("the vendor refuses a read", "a token of another company", "the token of this one"),
    "vendor-unclear": Kind(
        "what the vendor answers cannot be understood", "an agent without a number", "ask the vendor"
    ),
    "vendor-unreachable": Kind(
        "the vendor could not be read, several times over", "a firewall in between", "reconciler doctor"
    ),
    "which-sheet": Kind(
        "a workbook has several sheets with agents, or not the one that was named", "two sheets", "--sheet 坐席"
    ),
}
"""Why a command ended without doing its work. An error may also have the code of a problem or note that it is about."""
