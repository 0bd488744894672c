"""`make bench`: what the stages cost, each as a ratio to a floor measured in the same run."""
