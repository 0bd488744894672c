"""Passwords in, credentials out, and their encryption."""
