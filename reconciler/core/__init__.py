"""The pure core: no clock, randomness, environment, files, sockets or logging."""
