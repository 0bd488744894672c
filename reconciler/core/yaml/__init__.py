"""Bytes to values, and values back to YAML."""
