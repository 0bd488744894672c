"""One run, from the refresh to the read-back."""
