"""What is published: its name, its contents, and what it may be published with."""
