"""The vendor's time, as the `Date` headers of its answers tell it, to the second."""

from __future__ import annotations

import time
from collections.abc import Mapping

from reconciler.vendor.answer import parsed_date


class ServerTime:
    """What the vendor's clock shows at least; clocks of this machine that are set meanwhile do not matter."""

    def __init__(self) -> None:
        self._ahead: float | None = None

    def hear(self, headers: Mapping[str, str]) -> None:
        """Take the time from an answer's headers, looked up by their lower-case names; from none that tells no time."""
        told = parsed_date(headers.get("date", ""))
        if told is None:
            return
        # An answer takes time to come: of all answers the one that came fastest tells most.
        ahead = told - time.monotonic()
        self._ahead = ahead if self._ahead is None else max(self._ahead, ahead)

    def now(self) -> int | None:
        """The earliest time that it can be, in milliseconds since 1970; `None` before an answer has told any."""
        return None if self._ahead is None else int((time.monotonic() + self._ahead) * 1000)

    @property
    def local_ahead(self) -> float | None:
        """By how many seconds this machine's clock is ahead of the vendor's; `None` before any answer."""
        now = self.now()
        return None if now is None else time.time() - now / 1000
