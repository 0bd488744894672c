"""Saved plans: the plan as JSON, and whether one that was read back is sound and still holds."""
