"""The vendor over HTTP: sending requests, understanding answers, keeping to a rate."""
