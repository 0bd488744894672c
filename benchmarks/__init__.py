"""`make bench`: what a plan costs, by stage and whole, beside floors and peers measured in the same run."""
