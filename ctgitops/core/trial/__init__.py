"""Results of running a plan in a sandbox: locks, work, schema changes, violations."""
