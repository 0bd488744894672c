"""The values that cross the borders between stages: frozen, comparable and inert. One file for each noun."""
