"""What is remembered between runs, and where: the ledger, its lock, and the journal."""
