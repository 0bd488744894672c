"""The disk: desired-state files, saved plans, spreadsheets, and every private or atomic write."""
