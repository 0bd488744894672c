"""A document becomes the desired state, or problems."""
