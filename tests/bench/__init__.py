"""What the bench measures does the work that it stands for. Nothing here looks at a clock."""

COUNT = 250
"""Agents: two full pages and a half."""
