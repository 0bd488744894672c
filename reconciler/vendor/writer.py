"""Changes live agents: create (2.1.1), edit (2.1.2), delete (2.1.3) and editPwd (2.1.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core import wire
from reconciler.core.model.desired import Company
from reconciler.core.model.endpoints import EndpointName
from reconciler.core.model.fields import Value
from reconciler.core.model.secret import Secret
from reconciler.vendor.answer import (
    Outcome,
)
from reconciler.vendor.http import Transport


class Writer:
    """Changes live agents: one method for each writing endpoint, which sends one request and returns its outcome.

    `apply.settle` decides what follows from the outcome.
    """

    def __init__(self, transport: Transport, company: Company) -> None:
        self._transport = transport
        self._company = company

    def create(self, operator_ids: tuple[str, ...], fields: Mapping[str, Value], password: Secret | None) -> Outcome:
        """Create one agent, or several with consecutive ids (2.1.1). The outcome's `data` has an item for each agent.

        Without a password the vendor chooses one for each agent, and the item holds it. The item also holds the SIP
        number and its password.
        """
        text = password.reveal() if password else None
        return self._write("create", wire.create_body(self._company, operator_ids, fields, text))

    def edit(self, operator_id: str, fields: Mapping[str, Value]) -> Outcome:
        """Set exactly these fields of one agent (2.1.2)."""
        return self._write("edit", wire.edit_body(self._company, operator_id, fields))

    def delete(self, operator_ids: tuple[str, ...]) -> Outcome:
        """Delete a list of agents (2.1.3)."""
        return self._write("delete", wire.delete_body(self._company, operator_ids))

    def password(self, operator_id: str, password: Secret) -> Outcome:
        """Set one agent's password (2.1.6)."""
        return self._write("password", wire.password_body(self._company, operator_id, password.reveal()))

    def _write(self, name: EndpointName, body: Mapping[str, Any]) -> Outcome:
        return self._transport.request(name, body)
