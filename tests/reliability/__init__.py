"""Nothing is lost: every fault at every call, every kill at every write, every disk that is full."""
