"""One run, settled call by call."""
