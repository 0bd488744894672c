"""Bugs that somebody could make, planted one at a time into a copy of the source: the suite must catch every one."""
