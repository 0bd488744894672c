"""The command line: the only printer and the only exit.

The modules in here import little at their head; a command imports what it needs when it runs: `--help` is quick.
"""
