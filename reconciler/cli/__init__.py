"""The command line. Only this room prints, and only it ends the process.

Its modules import little at their head, and a command imports what it needs when it runs: so `--help` is quick.
"""
