"""Commands as processes, over real HTTP; the exit code is always asserted."""
