"""What a plan of files alone does not know, in the same words in every format."""

from __future__ import annotations

from typing import Final

from reconciler.core.model.message import text

NOT_HELD: Final = text("Not held against the live side")
UNKNOWN: Final = text(
    "what has drifted, what is blocked, whether a limit by share holds, and who holds a SIP number are unknown. "
    "It has no digest, and cannot be saved or applied"
)
SENTENCE: Final = text("{not_held}: {unknown}.", not_held=NOT_HELD, unknown=UNKNOWN)
