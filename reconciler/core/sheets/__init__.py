"""Spreadsheets (CSV): agents written as a table, and tables of a call centre read as agents."""
