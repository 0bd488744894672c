"""Desired and live state become a diff, a plan, and the calls that carry it out."""
