"""YAML: bytes to values with their places, and values back to text."""
