"""A plan as JSON, and whether a saved one still holds."""
