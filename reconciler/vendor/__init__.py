"""The vendor over HTTP."""
