"""`python -m reconciler`."""

from reconciler.cli.main import process

process()
