"""One agent, live and desired beside each other."""

from __future__ import annotations

from reconciler.core.beside import ComparedField, Source, compare_agent
from reconciler.core.desired.read import parse_files
from reconciler.core.desired.resolve import ResolvedAgent
from reconciler.core.model.ledger import LedgerEntry
from reconciler.core.model.problem import Place
from tests.core.build import HEAD, live_agent

FILE = HEAD + (
    "defaults: {afterInterval: 7}\n"
    "profiles: {quiet: {outcallflag: forbidden}}\n"
    "agents:\n"
    '  - {operatorId: "8001", profile: quiet, name: n, roleName: r}\n'
    "pools:\n"
    '  - {from: "01", to: "02", name: "x {operatorId}"}\n'
)


def agent(operator_id: str) -> ResolvedAgent:
    """An agent of the file."""
    reading = parse_files([("agents.yaml", FILE.encode())])
    assert reading.problems == ()
    return next(each for each in reading.agents if each.operator_id == operator_id)


def rows(*found: ComparedField) -> dict[str, ComparedField]:
    """Rows by field."""
    return {row.field: row for row in found}


def test_each_value_names_its_layer_and_place() -> None:
    """Defaults, profile and own keys of an agent, and the keys of a pool."""
    found = rows(*compare_agent(None, agent("8001"), LedgerEntry()))
    assert {name: (row.desired, row.source) for name, row in found.items()} == {
        "name": ("n", Source("own", Place("agents.yaml", 6, 48))),
        "afterInterval": (7, Source("defaults", Place("agents.yaml", 3, 27))),
        "outcallflag": ("forbidden", Source("profile quiet", Place("agents.yaml", 4, 33))),
        "roleName": ("r", Source("own", Place("agents.yaml", 6, 61))),
    }
    pooled = rows(*compare_agent(None, agent("02"), LedgerEntry()))["name"]
    assert (pooled.desired, pooled.source) == ("x 02", Source("pool 01…02", Place("agents.yaml", 8, 34)))


def test_what_differs() -> None:
    """A managed value that is another one, or that nobody knows; never one that the file does not manage."""
    listed = live_agent("8001", name="other", afterInterval=7, email="e")
    found = rows(*compare_agent(listed, agent("8001"), LedgerEntry()))
    assert {name for name, row in found.items() if row.differs} == {"name", "outcallflag", "roleName"}
    assert (found["email"].live, found["email"].source) == ("e", None)
    assert (found["roleName"].live, found["roleName"].live_known) == (None, False)


def test_what_the_ledger_recorded_is_known() -> None:
    """A role that is never listed is what was sent last."""
    found = rows(*compare_agent(live_agent("8001"), agent("8001"), LedgerEntry(last_sent={"roleName": "r"})))
    assert (found["roleName"].live, found["roleName"].live_known, found["roleName"].differs) == ("r", True, False)


def test_an_agent_of_no_file() -> None:
    """Every listed value, and nothing is desired."""
    assert not any(row.source or row.differs for row in compare_agent(live_agent("8001"), None, LedgerEntry()))
