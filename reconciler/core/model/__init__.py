"""The values that stages pass to each other: frozen, comparable and inert. One file for each noun."""
