"""Export: live agents written as desired-state files."""
