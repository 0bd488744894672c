"""Documents to the desired state, or to the problems that keep it from being one."""
