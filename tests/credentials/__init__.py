"""The credentials file, plain and encrypted: real files, real processes, and the `age` tool where there is one."""
