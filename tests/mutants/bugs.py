"""The table of planted bugs: a piece of source, what it becomes, what that breaks, and which tests must notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug: `old` stands exactly once in `file`; `promise` is one plain sentence; `tests` are pytest's node ids."""

    name: str
    file: str
    old: str
    new: str
    promise: str
    tests: tuple[str, ...]

    def planted(self, source: str) -> str:
        """The source with the bug in it."""
        return source.replace(self.old, self.new, 1)


_BATCHES: Final = "tests/reliability/test_batches.py"
_CALLS: Final = "tests/core/planning/test_calls.py"
_CLIENT: Final = "tests/vendor/test_http.py"
_CREDENTIALS: Final = "tests/credentials/test_passwords_and_file.py"
_DOCUMENT: Final = "tests/core/yaml/test_document.py"
_FAULT: Final = "tests/reliability/test_every_fault.py::test_one_hiccup_is_ridden_out"
_GUARD: Final = "tests/core/planning/test_guardrails.py"
_LISTING: Final = "tests/vendor/test_listing.py"
_PLAN: Final = "tests/core/planning/test_actions.py"
_PLANTED: Final = "tests/reliability/test_promises.py"
_WIRE: Final = "tests/core/test_wire.py"

_BEFORE_THE_CALL: Final = """\
        if call.kind in ("create", "password") and not call.vendor_password:
            _store_passwords(call, context)
"""

BUGS: Final = (
    # What is on disk, and when.
    Bug(
        "credentials-not-synced",
        "reconciler/credentials/delivery.py",
        "            data = data[os.write(handle, data) :]\n        os.fsync(handle)\n",
        "            data = data[os.write(handle, data) :]\n",
        "A password survives a power cut from before the request that makes it true.",
        (f"{_CREDENTIALS}::test_each_line_is_synced",),
    ),
    Bug(
        "credentials-after-the-call",
        "reconciler/apply/record.py",
        _BEFORE_THE_CALL,
        """\
        for operator_id in call.operator_ids:
            context.channel.passwords.setdefault(operator_id, generate_password())
""",
        "No agent ever has a password that nobody knows, whenever the process dies.",
        (f"{_PLANTED}::test_the_books_come_before_the_call",),
    ),
    Bug(
        "torn-credential-stays",
        "reconciler/credentials/delivery.py",
        "            os.ftruncate(handle, end)\n",
        "            os.lseek(handle, end, os.SEEK_SET)\n",
        "A full disk never leaves half a credential that spoils the next one.",
        (f"{_CREDENTIALS}::test_a_full_disk",),
    ),
    Bug(
        "withdrawn-takes-all",
        "reconciler/credentials/delivery.py",
        "    return [*said[:first], *without, *said[end:]]\n",
        "    return [*without, *said[end:]]\n",
        "A password that was refused gives way to the one before it.",
        ("tests/credentials/test_withdrawn.py::test_a_refused_version_gives_way_to_the_one_before",),
    ),
    Bug(
        "withdrawal-names-nothing",
        "reconciler/credentials/delivery.py",
        '"withdraws": password.reveal(), "withdrawn": True}',
        '"withdrawn": True}',
        "A withdrawal takes away its own password and no other.",
        ("tests/credentials/test_withdrawn.py::test_a_withdrawal_names_its_password",),
    ),
    Bug(
        "credentials-readable-by-all",
        "reconciler/credentials/delivery.py",
        "os.open(self.path, flags, 0o600)",
        "os.open(self.path, flags, 0o644)",
        "Nobody but its owner can read a file of passwords.",
        (f"{_CREDENTIALS}::test_mode_0600",),
    ),
    Bug(
        "sealed-credentials-in-plain",
        "reconciler/credentials/delivery.py",
        'b"".join(map(self._sealer.record, lines) if self._sealer else lines)',
        'b"".join(lines)',
        "With recipients no password touches the disk unencrypted.",
        ("tests/credentials/test_sealed_file.py::test_no_plain_byte_touches_the_disk",),
    ),
    Bug(
        "intent-not-written",
        "reconciler/ledger/journal.py",
        "        if self._stream is None:\n            return\n        data",
        '        if self._stream is None or {"intent", "outcome"} & line.keys():\n            return\n        data',
        "Whatever was sent is in the journal, so that the next run knows what to look up.",
        (f"{_PLANTED}::test_the_books_come_before_the_call",),
    ),
    Bug(
        "intent-not-synced",
        "reconciler/ledger/journal.py",
        'self._write({"n": self._count, **line, **version, **to_restore, **vendor}, sync=True)',
        'self._write({"n": self._count, **line, **version, **to_restore, **vendor})',
        "The intent survives a power cut from before the request that it announces.",
        (f"{_PLANTED}::test_the_books_come_before_the_call",),
    ),
    Bug(
        "call-before-the-books",
        "reconciler/apply/execute.py",
        """\
                number = record_intent(job.call, context)
                if isinstance(number, OSError):
                    yield from run.not_journaled(job, number)
                else:
                    running[threads.submit(job.settle, context.channel)] = (job, number)
""",
        """\
                sent = threads.submit(job.settle, context.channel)
                wait([sent])
                number = record_intent(job.call, context)
                if isinstance(number, OSError):
                    yield from run.not_journaled(job, number)
                else:
                    running[sent] = (job, number)
""",
        "Nothing is sent that could not be noted first.",
        (f"{_PLANTED}::test_the_books_come_before_the_call",),
    ),
    Bug(
        "journal-torn-line-fatal",
        "reconciler/ledger/journal.py",
        "            if number == 0 and line:\n                raise\n",
        "            if line:\n                raise\n",
        "A journal whose last line a kill tore in two is read up to there.",
        (f"{_PLANTED}::test_a_torn_journal_is_read",),
    ),
    Bug(
        "ledger-written-in-place",
        "reconciler/ledger/on_disk.py",
        "            replace_file(self.path, data)\n",
        "            self.path.write_bytes(data)\n",
        "A full disk or a kill leaves the old ledger or the new one, never a part of one.",
        ("tests/ledger/test_ledger.py::test_a_full_disk_leaves_the_old_ledger",),
    ),
    Bug(
        "replaced-file-not-synced",
        "reconciler/files/atomic.py",
        "            os.fsync(stream.fileno())\n",
        "",
        "A power cut leaves the old file or the new one, never an empty one.",
        ("tests/files/test_private_and_atomic.py::test_content_is_on_disk_before_its_name",),
    ),
    Bug(
        "ledger-ahead-of-the-calls",
        "reconciler/apply/run.py",
        "    try:\n        largest_id = refreshed.live.largest_id\n",
        "    for call in calls:\n"
        "        ledger.record(call)\n"
        "    try:\n"
        "        largest_id = refreshed.live.largest_id\n",
        "The ledger never says of a call that it was carried out before it was.",
        (f"{_PLANTED}::test_a_refused_call_is_planned_again",),
    ),
    Bug(
        "foreign-ledger-overwritten",
        "reconciler/ledger/on_disk.py",
        "        if self._content() != self._seen:\n",
        "        if self._content() is None and self._seen is not None:\n",
        "A ledger that somebody else wrote meanwhile is never overwritten.",
        (f"{_PLANTED}::test_a_ledger_that_changed_is_not_overwritten",),
    ),
    # Two appliers.
    Bug(
        "lock-ignored",
        "reconciler/ledger/lock.py",
        "            private_folder(self._path.parent)\n            lock.acquire(blocking=False)\n",
        "            private_folder(self._path.parent)\n",
        "Of two appliers at once only one works.",
        (f"{_PLANTED}::test_a_held_lock_is_held",),
    ),
    Bug(
        "soft-lock",
        "reconciler/ledger/lock.py",
        'FileLock(f"{self._path}.lock", mode=0o600, fallback_to_soft=False, preserve_lock_file=True)',
        '__import__("filelock").SoftFileLock(f"{self._path}.lock", mode=0o600)',
        "A killed applier's lock is free again without anybody's help.",
        (f"{_PLANTED}::test_a_left_lock_file_is_no_lock",),
    ),
    Bug(
        "remote-lock-of-another-removed",
        "reconciler/ledger/object_store.py",
        "        if holder is None or holder.id != lock_id:\n            return holder\n",
        "        if holder is None:\n            return holder\n",
        "A lock in an object store is removed by its own id only.",
        ("tests/ledger/object_store/test_store.py::test_unlock_removes_exactly_that_lock",),
    ),
    Bug(
        "remote-store-not-tried",
        "reconciler/ledger/object_store.py",
        "            _probe(self._objects, self._place)\n",
        "",
        "An object store that ignores conditions is refused before it holds a lock.",
        ("tests/ledger/object_store/test_selftest.py::test_a_store_that_ignores_conditions_is_refused",),
    ),
    # A call whose answer is lost.
    Bug(
        "lost-create-repeated-blindly",
        "reconciler/apply/settle_create.py",
        "        if lost is not None and (seen := _look_for_agent(call, channel)) is not None:\n",
        "        if lost is not None and maybe_sent and (seen := _look_for_agent(call, channel)) is not None:\n",
        "A create whose outcome is unknown is looked up before it is sent again.",
        (f"{_FAULT}[drop-after-create/v2]",),
    ),
    Bug(
        "lost-create-reported-done",
        "reconciler/apply/settle_create.py",
        "        lost = outcome if isinstance(outcome, Lost) else lost\n",
        '        if isinstance(outcome, Lost) and call.kind == "create":\n            return Ok()\n'
        "        lost = outcome if isinstance(outcome, Lost) else lost\n",
        "A create without an answer is not taken for one that was carried out.",
        (f"{_FAULT}[drop-before-create/v2]",),
    ),
    Bug(
        "lost-edit-taken-for-refused",
        "reconciler/vendor/answer.py",
        '        return Lost(f"HTTP {status} {message}".strip(), _retry_after(headers))\n',
        '        return Refused(status, f"HTTP {status} {message}".strip())\n',
        "A server error is no refusal: the request may have been carried out.",
        (f"{_FAULT}[5xx-after-edit/v2]",),
    ),
    Bug(
        "refused-look-up-is-absence",
        "reconciler/vendor/reader.py",
        '            outcome = self._transport.request("page", wire.search_body(self._company, operator_id))\n',
        "            return Ok(None)\n",
        "A look-up that the vendor refuses is not taken for an agent that is not there.",
        (f"{_PLANTED}::test_a_refused_look_up_is_made_sure_of",),
    ),
    Bug(
        "unanswered-look-up-is-absence",
        "reconciler/apply/settle_create.py",
        '        return outcome if isinstance(outcome, Lost) else Lost("it could not be looked up")\n',
        "        return None\n",
        "While nobody can be asked whether a create arrived, it is not sent again.",
        (f"{_PLANTED}::test_a_create_is_not_repeated_without_a_look",),
    ),
    Bug(
        "search-takes-anybody",
        "reconciler/vendor/reader.py",
        'if isinstance(row, dict) and str(row.get("operatorId")) == operator_id]',
        "if isinstance(row, dict)]",
        "Another agent whose id is alike is not taken for the one that was looked for.",
        ("tests/vendor/test_look_ups.py::test_a_search_that_finds_others",),
    ),
    Bug(
        "another-agent-believed",
        "reconciler/vendor/reader.py",
        "    if agent.operator_id != operator_id or not isinstance(row, dict):\n",
        "    if not isinstance(row, dict):\n",
        "An answer about another agent is no answer.",
        ("tests/vendor/test_look_ups.py::test_a_look_that_shows_another_agent",),
    ),
    Bug(
        "stopped-run-sends-again",
        "reconciler/apply/channel.py",
        "        if self.stop.is_set() or not self.budget.take():\n",
        "        if not self.budget.take():\n",
        "An interrupted run sends nothing more, repetitions included.",
        (f"{_PLANTED}::test_a_stopped_run_sends_no_more",),
    ),
    Bug(
        "lost-delete-not-looked-up",
        "reconciler/apply/settle.py",
        "            gone = [id_ for id_ in call.operator_ids if _is_gone(id_, channel)]\n",
        "            gone = list(call.operator_ids)\n",
        "A delete without an answer is not taken for one that was carried out.",
        (f"{_FAULT}[drop-before-del/v2]",),
    ),
    Bug(
        "refused-after-lost-is-final",
        "reconciler/apply/settle_create.py",
        "        return Settled([(_made_earlier(call, maybe_sent), seen or joined(lost, refused))])\n",
        "        return Settled([(call, refused)])\n",
        "A repeated create that is refused because the first one arrived counts as done.",
        (f"{_PLANTED}::test_a_create_that_arrives_late_is_ours",),
    ),
    Bug(
        "batch-believed",
        "reconciler/apply/settle_create.py",
        "    if batch is None:\n        return Settled([(call, refused)])\n",
        "    return Settled([(call, refused)])\n",
        "Agents that a batch made against its answer get passwords that somebody knows.",
        (f"{_BATCHES}::test_what_a_batch_made_against_its_answer",),
    ),
    Bug(
        "somebody-elses-agent-taken",
        "reconciler/apply/settle_create.py",
        '    return Ok([found.as_item()]) if author == "ours" else _not_ours(author)\n',
        "    return Ok([found.as_item()])\n",
        "An agent that somebody else made meanwhile is not taken for ours.",
        ("tests/reliability/test_authorship.py::test_an_agent_of_another_name_is_not_ours",),
    ),
    Bug(
        "refusals-in-a-row-add-up",
        "reconciler/vendor/rate_limit.py",
        "        if self._refusals_in_a_row == 1:",
        "        if self._refusals_in_a_row:",
        "A vendor that refuses everything for a while is soon asked as quickly as before.",
        ("tests/vendor/test_rate_limit.py::test_a_while_of_refusals_counts_once",),
    ),
    Bug(
        "sip-password-not-fetched",
        "reconciler/apply/run.py",
        "            _deliver(session.reader, finding, context.credentials)\n",
        "            pass\n",
        "The SIP password of an agent whose create had no answer is fetched when the agent is seen.",
        (f"{_PLANTED}::test_a_create_that_the_read_back_shows_is_delivered",),
    ),
    Bug(
        "unknown-called-settled",
        "reconciler/apply/run.py",
        'settled="lost" not in outcomes',
        "settled=True",
        "A call that nobody could look up is left for the next run to find out about.",
        (f"{_PLANTED}::test_a_create_that_no_read_back_showed_is_delivered_later",),
    ),
    Bug(
        "free-number-given-away",
        "reconciler/apply/call_order.py",
        'self._at_risk |= outcome != "done" and (outcome != "refused" or freed)',
        "self._at_risk = freed is None",
        "When a move of SIP numbers fails half-way, no new agent is given the number that is free for the moment.",
        (f"{_PLANTED}::test_a_number_that_somebody_waits_for_is_not_given_away",),
    ),
    Bug(
        "delete-list-not-halved",
        "reconciler/apply/settle.py",
        "            return _halve(call, outcome, lost, channel, ended)\n",
        "            return Settled([*ended, (call, outcome)])\n",
        "One agent that cannot be deleted does not keep the others of its list.",
        (f"{_PLANTED}::test_one_of_a_delete_list_is_gone_already",),
    ),
    Bug(
        "gone-already-is-failure",
        "reconciler/apply/settle.py",
        "        return Settled([*ended, (call, Ok() if _is_gone(ids[0], channel) else joined(lost, refused))])\n",
        "        return Settled([*ended, (call, refused)])\n",
        "Deleting who is gone already is done, not failed.",
        (f"{_PLANTED}::test_one_of_a_delete_list_is_gone_already",),
    ),
    # Agents that are created together.
    Bug(
        "batch-answer-not-checked",
        "reconciler/apply/settle_create.py",
        "    rest = [id_ for id_ in call.operator_ids if id_ not in created]\n",
        "    rest: list[str] = []\n    created = {id_: created.get(id_, {}) for id_ in call.operator_ids}\n",
        "Who is not in the answer to a batch is not called made.",
        (f"{_BATCHES}::test_an_answer_that_leaves_somebody_out",),
    ),
    Bug(
        "batch-sent-again-blindly",
        "reconciler/apply/settle_create.py",
        "            if there:\n"
        "                authors = authors_of(call.fields, call.operator_ids, _agents(there), channel.before)\n"
        "                return _split_batch(call, {}, there, authors, maybe_sent=True)\n",
        "",
        "Of a batch without an answer only those are sent again who are not there.",
        (f"{_BATCHES}::test_a_lost_batch_that_made_some",),
    ),
    Bug(
        "vendor-password-forgotten",
        "reconciler/apply/execute.py",
        "        if password_unknown(part, outcome):\n",
        "        if False:\n",
        "Who was made with a password that the vendor did not tell is given another.",
        (f"{_BATCHES}::test_a_lost_password_is_set_anew",),
    ),
    Bug(
        "doubt-not-kept",
        "reconciler/apply/record.py",
        "replace(ledger.entries[operator_id], password_unknown=True)",
        "replace(ledger.entries[operator_id], password_unknown=False)",
        "Until a lost password is set anew the ledger says that it is not known.",
        (f"{_BATCHES}::test_a_lost_password_that_cannot_be_set",),
    ),
    Bug(
        "killed-batch-called-known",
        "reconciler/core/recovery.py",
        "created = _entry_of_created(entry, intent, password_unknown=intent.vendor_password)",
        "created = _entry_of_created(entry, intent, password_unknown=False)",
        "The passwords of a batch whose run was killed are set anew by the next one.",
        ("tests/core/test_recovery.py::test_a_batch_that_was_cut_short",),
    ),
    Bug(
        "batch-of-unlike-agents",
        "reconciler/core/planning/batches.py",
        "            return self.create_fields == body\n",
        "            return True\n",
        "Who gets nothing but the create gets exactly its own body.",
        ("tests/core/planning/test_batches.py::test_bodies_decide_who_may_share",),
    ),
    Bug(
        "another-value-sent-in-a-batch",
        "reconciler/core/planning/batches.py",
        "        return body.items() <= self.values.items() and all(",
        "        return all(",
        "In a batch too no agent is given what the file does not give it.",
        ("tests/core/planning/test_batches.py::test_bodies_decide_who_may_share",),
    ),
    Bug(
        "generated-password-shared",
        "reconciler/core/planning/batches.py",
        ' and (password is None or password.kind != "generate")',
        "",
        "Agents whose passwords are to be generated are created one by one.",
        ("tests/core/planning/test_batches.py::test_passwords_decide_who_may_share",),
    ),
    Bug(
        "batches-not-in-the-digest",
        "reconciler/core/saved/plan_json.py",
        '        "recipients": sorted(plan.recipients),\n        "batch": plan.batch,\n',
        '        "recipients": sorted(plan.recipients),\n',
        "Whether agents are created together is part of what was reviewed.",
        ("tests/core/saved/test_plan_json.py::test_what_decides_is_in_the_digest",),
    ),
    Bug(
        "budget-unlimited",
        "reconciler/vendor/retry.py",
        "            if not self._left:\n                return False\n",
        "",
        "A vendor that stops answering is not flooded with repetitions.",
        (f"{_PLANTED}::test_a_budget_ends",),
    ),
    Bug(
        "dead-vendor-not-given-up",
        "reconciler/apply/circuit_breaker.py",
        "        if self._silent >= DEAD_AFTER:\n",
        "        if self._silent >= 1000 * DEAD_AFTER:\n",
        "A run stops by itself when the vendor no longer answers.",
        (f"{_PLANTED}::test_a_vendor_that_dies_is_left_alone",),
    ),
    Bug(
        "refused-token-goes-on",
        "reconciler/apply/circuit_breaker.py",
        "        if isinstance(outcome, Refused) and outcome.authentication:\n",
        "        if isinstance(outcome, Refused) and outcome.authentication and not self.alive:\n",
        "A run stops at once when the vendor no longer accepts the token.",
        (f"{_PLANTED}::test_a_token_that_is_withdrawn_ends_the_run",),
    ),
    Bug(
        "alike-refusals-go-on",
        "reconciler/apply/circuit_breaker.py",
        "        if self.doubtful and self._first_unlike([call]) is not None:\n",
        "        if len(self._row) > 1000 and self._first_unlike([call]) is not None:\n",
        "A run stops by itself when the vendor refuses everything in the same words.",
        ("tests/reliability/test_alike_refusals.py::test_a_token_that_dies_with_a_code",),
    ),
    Bug(
        "stops-without-a-trial",
        "reconciler/apply/execute.py",
        "        if self.breaker.doubtful and self._trial() is None:\n",
        '        if self.breaker.doubtful:\n            return "not tried: alike"\n        if self._calls is None:\n',
        "Refusals that are alike stop nothing before a call of another kind, or other values, was refused too.",
        ("tests/reliability/test_alike_refusals.py::test_many_at_fault_beside_others",),
    ),
    Bug(
        "alike-agents-refused-for-ever",
        "reconciler/apply/circuit_breaker.py",
        '        return len(self._alone.get(wish(call), ((0, ""), ()))[1]) >= enough\n',
        '        return len(self._alone.get(wish(call), ((0, ""), ()))[1]) >= 1000 * enough\n',
        "A list of which everybody is refused alike is not taken apart to the end.",
        ("tests/reliability/test_alike_refusals.py::test_a_licence_that_is_full",),
    ),
    Bug(
        "one-culprit-ends-the-list",
        "reconciler/apply/circuit_breaker.py",
        "        enough = ALIKE_AT_MOST if wish(call) in self._served else DOUBTED_AFTER\n",
        "        enough = 1\n",
        "One agent at fault, wherever it stands, keeps nobody else of its batch or list.",
        ("tests/reliability/test_alike_refusals.py::test_a_batch_with_some_at_fault",),
    ),
    Bug(
        "all-halves-at-once",
        "reconciler/apply/circuit_breaker.py",
        "        if self.under_way or not self._parts:\n",
        "        if not self._singly and self._parts:\n            return self.accept()\n        if not self._parts:\n",
        "A refused batch or list goes down one branch of halves first.",
        ("tests/apply/test_circuit_breaker.py::test_a_list_of_which_everybody_is_refused",),
    ),
    Bug(
        "side-effects-unseen",
        "reconciler/apply/run.py",
        "    effects = side_effects(refreshed.plan, events, refreshed.live, live)\n",
        "    effects = side_effects(refreshed.plan, events, live, live)\n",
        "What a call changes although nobody asked for it is reported.",
        ("tests/reliability/test_side_effects.py::test_an_edit_that_empties_what_is_not_sent",),
    ),
    Bug(
        "drift-called-a-side-effect",
        "reconciler/core/report.py",
        "    for operator_id in sorted(touched.keys() & now.agents.keys()):\n",
        "    touched = {**dict.fromkeys(before.agents, False), **touched}\n"
        "    for operator_id in sorted(touched.keys() & now.agents.keys()):\n",
        "An agent that no call was about may change without a word.",
        ("tests/reliability/test_side_effects.py::test_agents_that_nobody_touched_may_move",),
    ),
    # What the next run makes of what the last one left.
    Bug(
        "lost-counts-as-done-in-recovery",
        "reconciler/core/recovery.py",
        '            if intent.outcome == "done":\n',
        '            if intent.outcome in ("done", "lost"):\n',
        "A call that the journal calls lost is looked up by the next run, not believed.",
        (f"{_PLANTED}::test_what_is_lost_is_looked_up",),
    ),
    Bug(
        "doubt-not-recorded",
        "reconciler/core/recovery.py",
        "            return replace(entry or NOT_RECORDED, password_unknown=True), ",
        "            return entry, ",
        "An agent that appears long after its create was given up gets a password that is known.",
        (f"{_PLANTED}::test_a_create_not_seen_may_still_come",),
    ),
    Bug(
        "unknown-password-recorded",
        "reconciler/core/recovery.py",
        "            unrecorded = replace(entry, password_version=None) if entry else None\n",
        "            unrecorded = entry_after(entry, intent)\n",
        "A password of which nobody knows whether it was set counts as not recorded.",
        (f"{_PLANTED}::test_a_password_without_an_answer_is_not_recorded",),
    ),
    Bug(
        "values-to-restore-forgotten",
        "reconciler/core/recovery.py",
        "            return LedgerEntry(to_restore=intent.to_restore) if intent.to_restore else None\n",
        "            return None\n",
        "An agent that is deleted to be made anew gets back what it had, also when the run dies between.",
        (f"{_PLANTED}::test_a_replace_cut_in_two_owes",),
    ),
    Bug(
        "lost-role-recorded",
        "reconciler/core/recovery.py",
        "for name, value in entry.last_sent.items() if name not in intent.fields}",
        "for name, value in entry.last_sent.items()}",
        "A value that is never listed and whose edit was lost counts as not recorded, and is sent again.",
        (f"{_PLANTED}::test_a_role_without_an_answer_is_not_recorded",),
    ),
    # The plan.
    Bug(
        "deletes-from-an-incomplete-listing",
        "reconciler/core/planning/actions.py",
        "not diff.desired.prune or not diff.live.complete or ",
        "not diff.desired.prune or ",
        "From a listing that is not whole nobody is deleted.",
        (f"{_PLAN}::test_extra_is_kept",),
    ),
    Bug(
        "prune-ignores-protect",
        "reconciler/core/planning/actions.py",
        "not diff.live.complete or matches(diff.desired.protect, operator_id)\n",
        "not diff.live.complete\n",
        "Who is protected is never deleted.",
        (f"{_PLAN}::test_extra_is_kept",),
    ),
    Bug(
        "replace-beats-protect",
        "reconciler/core/planning/actions.py",
        "    if matches(diff.desired.protect, agent.operator_id):\n",
        "    if matches(diff.desired.protect, agent.operator_id) and not policy.allow_replace:\n",
        "Who is protected is never replaced, whatever the flags say.",
        (f"{_PLAN}::test_protect_beats_allow_replace",),
    ),
    Bug(
        "no-default-guardrail",
        "reconciler/core/planning/guardrails.py",
        "    default = DEFAULT_MAX_DELETES if in_scope >= DEFAULT_FROM else None\n",
        "    default = None\n",
        "Without a word in the file no more than a fifth of the agents is deleted.",
        (f"{_GUARD}::test_a_fifth_may_go_by_default",),
    ),
    Bug(
        "replace-is-no-delete",
        "reconciler/core/planning/guardrails.py",
        'a.kind in ("delete", "replace") and',
        'a.kind == "delete" and',
        "A replaced agent counts against the limit on deletes.",
        (f"{_GUARD}::test_a_replace_is_also_a_delete",),
    ),
    Bug(
        "empty-file-deletes",
        "reconciler/core/planning/guardrails.py",
        "(_max_deletes, _max_changes, _empty_desired)",
        "(_max_deletes, _max_changes)",
        "A file without agents deletes nobody.",
        (f"{_GUARD}::test_a_file_without_agents_deletes_nobody",),
    ),
    Bug(
        "guardrail-only-shown",
        "reconciler/cli/apply.py",
        "        _refuse_unfit(refreshed.plan, expect)\n",
        "",
        "A tripped guardrail or a blocked change means that nothing is sent.",
        ("tests/cli/test_plan_and_apply.py::test_a_file_without_agents_never_prunes",),
    ),
    Bug(
        "sip-number-not-carried",
        "reconciler/core/planning/actions.py",
        'name not in changed and (name == "sipNumber" or value',
        'name not in changed and name != "sipNumber" and (value',
        "A replaced agent keeps its SIP number.",
        (f"{_PLAN}::test_a_replaced_agent_keeps_what_nobody_asked_to_change",),
    ),
    Bug(
        "ring-not-broken",
        "reconciler/core/planning/calls.py",
        "    breakers = _ring_breakers([action for _, action in active])\n",
        "    breakers: set[str] = set()\n",
        "Agents can swap SIP numbers.",
        (f"{_CALLS}::test_two_agents_swap",),
    ),
    Bug(
        "creates-not-behind-moves",
        "reconciler/apply/call_order.py",
        "[index for index, call in enumerate(calls) if call.takes_any_sip] if self._moving else []\n",
        "[index for index, call in enumerate(calls) if call.takes_any_sip] if self._moving < 0 else []\n",
        "A new agent is never given the SIP number that another agent of the plan waits for.",
        (f"{_PLANTED}::test_who_may_take_any_number_waits_for_all_that_move",),
    ),
    # What is sent, and what is read.
    Bug(
        "wrong-key-in-an-edit",
        "reconciler/core/model/fields.py",
        'Wire(edit="sipnumber", listed="sipNumber")',
        'Wire(edit="sipNumber", listed="sipNumber")',
        "Every value goes under the name that the vendor's reference gives it, odd ones too.",
        ("tests/core/model/test_fields.py::test_the_table_is_the_references_matrix",),
    ),
    Bug(
        "unbind-and-bind",
        "reconciler/core/wire.py",
        '["unbindSip"] = 1\n            else:\n                body[row.wire.edit] = encode(row, value)\n',
        '["unbindSip"] = 1\n            body[row.wire.edit] = encode(row, value)\n',
        "An edit that takes a SIP number away names no other.",
        (f"{_WIRE}::test_an_edit_sends_exactly_the_given_fields",),
    ),
    Bug(
        "company-id-on-the-listing",
        "reconciler/core/wire.py",
        '    return {"abbreviate": company.abbreviate, "pageNumber": number,',
        '    return {**company_body(company), "pageNumber": number,',
        "No request carries what its endpoint does not take.",
        (f"{_WIRE}::test_the_company_in_a_request",),
    ),
    Bug(
        "password-sent-in-plain",
        "reconciler/core/wire.py",
        "    digest = hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()\n",
        "    digest = hashlib.md5(password.encode(), usedforsecurity=False).hexdigest() and password\n",
        "Changing a password sends what the vendor's reference asks for, and not the password.",
        (f"{_WIRE}::test_a_password_goes_as_lower_case_md5",),
    ),
    Bug(
        "upper-case-digest",
        "reconciler/core/wire.py",
        "usedforsecurity=False).hexdigest()\n",
        "usedforsecurity=False).hexdigest().upper()\n",
        "The password that is set is the one that was meant.",
        (f"{_WIRE}::test_a_password_goes_as_lower_case_md5",),
    ),
    Bug(
        "total-not-compared",
        "reconciler/vendor/reader.py",
        "len(agents) == total == len(by_id)",
        "len(agents) == len(by_id)",
        "A listing with fewer rows than it says is not believed.",
        (f"{_LISTING}::test_a_listing_that_never_settles[a total above the rows]",),
    ),
    Bug(
        "duplicate-rows-accepted",
        "reconciler/vendor/reader.py",
        "len(agents) == total == len(by_id)",
        "len(agents) == total",
        "A listing in which an agent comes twice is not believed: another one may be missing.",
        (f"{_LISTING}::test_a_listing_that_never_settles[a row that comes twice]",),
    ),
    Bug(
        "pages-may-disagree",
        "reconciler/vendor/reader.py",
        "                if page_total != total:\n",
        "                if page_total < 0:\n",
        "A listing that changes while it is read is read again.",
        (f"{_LISTING}::test_a_listing_that_never_settles[a total that grows]",),
    ),
    Bug(
        "pages-waited-for",
        "reconciler/vendor/reader.py",
        "        threads.shutdown(wait=False, cancel_futures=True)\n",
        "        threads.shutdown(wait=True, cancel_futures=True)\n",
        "A plan that was interrupted waits for no page of a vendor that hangs.",
        ("tests/cli/test_hanging_pages.py::test_nobody_waits_for_pages_that_nobody_will_read",),
    ),
    Bug(
        "read-back-skipped",
        "reconciler/apply/run.py",
        '        live = _read_back(session) if outcomes & {"done", "refused"} else None\n',
        "        live = None\n",
        "What the vendor accepted and did not do is reported, by agent and field.",
        ("tests/cli/test_plan_and_apply.py::test_accepted_but_not_done_is_4",),
    ),
    Bug(
        "interrupt-leaves-at-once",
        "reconciler/cli/apply.py",
        "        if stop.is_set():\n            os._exit(130)\n",
        "        os._exit(130)\n",
        "An interrupted run waits for what is in flight and records it.",
        ("tests/cli/test_plan_and_apply.py::test_an_interrupt_records_what_is_in_flight",),
    ),
    # Secrets.
    Bug(
        "secret-shows-itself",
        "reconciler/core/model/secret.py",
        '        return "Secret(***)"\n',
        '        return f"Secret({self._text})"\n',
        "However a secret is made into text, it shows nothing of itself.",
        (f"{_CREDENTIALS}::test_a_secret_masks_itself",),
    ),
    Bug(
        "library-message-repeated",
        "reconciler/vendor/http.py",
        """\
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL):
            return NotSent("the request could not be built")
""",
        """\
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            return NotSent(f"the request could not be built: {error}")
""",
        "No message of a library that may quote the token is repeated.",
        ("tests/vendor/test_secrets.py::test_a_token_that_no_header_can_carry",),
    ),
    Bug(
        "vendors-words-not-masked",
        "reconciler/vendor/answer.py",
        '            text = text.replace(secret, "***")\n',
        "            text = text.replace(secret, secret)\n",
        "A vendor that quotes the token or a password in its refusal is not repeated word for word.",
        ("tests/vendor/test_secrets.py::test_a_quoted_secret_is_masked",),
    ),
    Bug(
        "redirects-followed",
        "reconciler/vendor/http.py",
        "            response = self._http.handle_request(request)\n",
        "            response = httpx.Client(trust_env=False).send(request, stream=True, follow_redirects=True)\n",
        "The token goes to the configured host and nowhere else.",
        (f"{_CLIENT}::test_a_redirect_is_not_followed",),
    ),
    Bug(
        "proxy-variables-read",
        "reconciler/vendor/http.py",
        "            response = self._http.handle_request(request)\n",
        "            response = httpx.Client(trust_env=True).send(request, stream=True)\n",
        "No proxy that the environment names sees the token.",
        (f"{_CLIENT}::test_proxy_variables_are_ignored",),
    ),
    Bug(
        "token-in-the-clear",
        "reconciler/settings.py",
        "and not _is_loopback(",
        'and _is_loopback("") and not _is_loopback(',
        "The token never goes to another machine without TLS.",
        ("tests/test_settings.py::test_http_elsewhere",),
    ),
    Bug(
        "token-file-open-to-all",
        "reconciler/settings.py",
        "        if mode & 0o077:\n",
        "        if mode & 0o007 == 0o007:\n",
        "A token file that others can read is refused.",
        ("tests/test_settings.py::test_a_token_file_that_others_reach",),
    ),
    Bug(
        "secret-in-a-problem",
        "reconciler/core/desired/problems.py",
        '    return "password" in path or path[:1] == ("recipients",)',
        '    return path[:1] == ("recipients",)',
        "A password that was written into the file by mistake is not repeated in a message.",
        ("tests/core/desired/test_problems.py::test_no_problem_shows_a_password",),
    ),
    Bug(
        "bidi-passed-through",
        "reconciler/core/text.py",
        'frozenset(("Cc", "Cf", "Cs"',
        'frozenset(("Cc", "Cs"',
        "Text of the vendor or of a file cannot make a terminal show something else.",
        ("tests/render/test_golden.py::test_visible",),
    ),
    # The file.
    Bug(
        "duplicate-keys-accepted",
        "reconciler/core/yaml/nodes.py",
        "            if key is None or key in node or (key is",
        "            if key is None or (key is",
        "A key that stands twice is an error, since one of the two is not meant.",
        (f"{_DOCUMENT}::test_duplicate_keys_are_named",),
    ),
    Bug(
        "leading-zero-is-a-number",
        "reconciler/core/yaml/scalars.py",
        "    if _INTEGER.fullmatch(text):\n",
        "    if text.isdigit():\n        return int(text)\n    if _INTEGER.fullmatch(text):\n",
        "A number with a leading zero is the text that was written.",
        (f"{_DOCUMENT}::test_plain_scalars_follow_the_core_schema",),
    ),
    Bug(
        "aliases-without-end",
        "reconciler/core/yaml/nodes.py",
        "        if self.expanded > MAX_EXPANDED:\n",
        "        if self.expanded > MAX_EXPANDED**4:\n",
        "A file that expands without bound is refused while it is read.",
        ("tests/core/yaml/test_bombs.py::test_a_bomb_does_not_go_off",),
    ),
    Bug(
        "dollar-before-a-line-break",
        "reconciler/core/desired/schema.py",
        'pattern.replace("$", r"\\Z")',
        "pattern",
        "A value with a line break behind it does not pass for the value.",
        ("tests/core/desired/test_schema.py::test_limits",),
    ),
    Bug(
        "stale-plan-applied",
        "reconciler/apply/goal.py",
        "        if agents := stale_agents(self.saved.plan, live, ledger):\n",
        "        if (agents := stale_agents(self.saved.plan, live, ledger)) and not self.saved:\n",
        "A reviewed plan is not applied when an agent that it touches has changed since.",
        ("tests/core/saved/test_staleness.py::test_a_stale_plan_is_no_plan",),
    ),
    Bug(
        "unmanaged-change-overlooked",
        "reconciler/core/saved/staleness.py",
        "action.live != now:\n",
        "any(action.live.fields[c.field] != now.fields[c.field] for c in action.changes if c.field in now.fields):\n",
        "Of a touched agent every value counts, also one that the plan does not change.",
        ("tests/core/saved/test_staleness.py::test_what_makes_a_plan_stale",),
    ),
    Bug(
        "review-voided-by-a-stranger",
        "reconciler/core/saved/plan_json.py",
        """if g.set_by != "default" or not g.ok],""",
        """],""",
        "An unrelated agent does not change the digest of a plan.",
        ("tests/core/saved/test_plan_json.py::test_the_default_limit_does_not_come_with_an_unrelated_agent",),
    ),
    Bug(
        "seal-over-a-part",
        "reconciler/files/plan_file.py",
        "    seal = _seal(text)\n    if rest",
        "    seal = rest[:64].decode()\n    if rest",
        "A saved plan of which a byte was changed is refused.",
        ("tests/files/test_plan_file.py::test_every_byte_counts",),
    ),
    Bug(
        "plan-applied-twice",
        "reconciler/apply/run.py",
        "        ledger.remember_applied(saved.seal, saved.expires_at, started)\n",
        "        ledger.remember_applied(run_id, saved.expires_at, started)\n",
        "A saved plan is applied once.",
        ("tests/cli/test_saved_plan.py::test_a_plan_is_applied_once",),
    ),
    Bug(
        "plan-that-lives-for-ever",
        "reconciler/files/plan_file.py",
        " <= now < _time(self.expires_at)",
        " <= now",
        "A saved plan is not applied once it has expired.",
        ("tests/files/test_plan_file.py::test_a_plan_expires",),
    ),
    Bug(
        "digest-not-expected",
        "reconciler/cli/apply.py",
        "    if expect and digest(plan) != expect:\n",
        "    if expect and not digest(plan):\n",
        "With --expect nothing is applied but the plan with that digest.",
        ("tests/cli/test_saved_plan.py::test_another_digest_than_the_expected",),
    ),
    Bug(
        "drift-passed-for-a-change",
        "reconciler/core/planning/origin.py",
        """        return before.kind in ("edit", "replace")\n""",
        "        return False\n",
        "What somebody changed on the live side is told apart from what the files change.",
        ("tests/core/planning/test_origin.py::test_what_the_change_leaves_as_it_was_is_drift",),
    ),
    Bug(
        "narrowed-plan-deletes-others",
        "reconciler/core/planning/diff.py",
        " for id_ in in_scope - desired_ids if policy.includes(id_)\n",
        " for id_ in in_scope - desired_ids\n",
        "A plan that the command line narrows touches nobody else.",
        ("tests/core/desired/test_pools_and_files.py::test_a_plan_is_narrowed",),
    ),
    Bug(
        "own-variable-as-a-password",
        "reconciler/core/saved/plan_schema.py",
        "env=VARIABLE, file=_NAME,",
        "env=_TEXT, file=_NAME,",
        "No plan, whoever sealed it, takes the tool's own token for a password.",
        ("tests/files/test_plan_file.py::test_sealed_nonsense_is_refused",),
    ),
    Bug(
        "unsent-values-not-looked-at",
        "reconciler/core/authorship.py",
        '        if row.name in fields or row.name != "sipNumber"\n',
        "        if row.name in fields\n",
        "An agent is ours only if every listed value is what our create makes of it, the ones that were not sent too.",
        ("tests/core/test_authorship.py::test_one_value_more_proves_nothing",),
    ),
    Bug(
        "part-of-a-batch-taken",
        "reconciler/core/authorship.py",
        '    whole = len(agents) == len(operator_ids) and "stranger" not in authors.values()\n',
        '    whole = "stranger" not in authors.values()\n',
        "Where only some of a batch are there, nobody is taken for ours.",
        ("tests/core/test_authorship.py::test_a_part_of_a_batch_proves_nothing",),
    ),
    Bug(
        "old-agent-taken",
        "reconciler/core/authorship.py",
        "        return agent.vendor_id <= before.largest_id\n",
        "        return False\n",
        "An agent whose id is older than the listing is not ours, whatever the listing showed.",
        ("tests/core/test_authorship.py::test_one_agent",),
    ),
    Bug(
        "unnamed-taken",
        "reconciler/apply/settle_create.py",
        '        authors = dict.fromkeys(there, "stranger")\n',
        "        pass\n",
        "An answer that names some of a batch says that it has not made the others.",
        (f"{_BATCHES}::test_an_answer_that_leaves_somebody_out",),
    ),
    Bug(
        "lost-forgotten",
        "reconciler/vendor/answer.py",
        "    if isinstance(later, Ok) or not isinstance(earlier, Lost):\n",
        "    if isinstance(later, Ok | NotSent) or not isinstance(earlier, Lost):\n",
        "A call whose answer was lost is lost until it is known to be done, whatever is answered later.",
        ("tests/vendor/test_joined.py::test_a_later_outcome_never_makes_a_lost_one_forgotten",),
    ),
    Bug(
        "true-password-withdrawn",
        "reconciler/apply/record.py",
        '    if call.kind == "create" and type(outcome) is Refused and not outcome.authentication:\n',
        '    if call.kind == "create" and type(outcome) is NotSent:\n',
        "A password is withdrawn only when it cannot be true.",
        ("tests/reliability/test_authorship.py::test_a_create_that_was_carried_out_keeps_its_credential",),
    ),
    Bug(
        "false-password-stays",
        "reconciler/apply/run.py",
        '        if agent is None or author_of(call.fields, agent, context.channel.before) == "stranger":\n'
        "            withdraw(call, context)\n"
        "        else:\n",
        "        if agent is not None:\n",
        "The password of a create that was refused is withdrawn when the agent is not there.",
        ("tests/reliability/test_authorship.py::test_a_create_that_was_refused_leaves_no_credential",),
    ),
    Bug(
        "another-agents-answer-delivered",
        "reconciler/apply/settle_create.py",
        "        items = [named[operator_id]] if named else []\n",
        "        items = list(named.values())[:1]\n",
        "What an answer tells of another agent is never taken for what it tells of ours.",
        ("tests/reliability/test_authorship.py::test_an_answer_that_lists_another_agent_first",),
    ),
)
