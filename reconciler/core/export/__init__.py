"""Live agents as desired-state files."""
