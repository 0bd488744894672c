"""The worked example for pipelines: linted, and its scripts run as a runner would run them."""
