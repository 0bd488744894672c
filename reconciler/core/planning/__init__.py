"""Planning: desired and live state become a diff, the diff a plan, and the plan the calls that carry it out."""
