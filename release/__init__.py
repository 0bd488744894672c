"""What is done before a version is published, and what shows that it can be installed; it is not in the wheel."""
