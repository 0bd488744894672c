"""The scripted vendor, for the reader that runs while pages come."""

from tests.vendor.conftest import client, port, vendor

__all__ = ["client", "port", "vendor"]
