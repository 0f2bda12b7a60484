"""What running a plan in a sandbox showed: locks, work, schema changes, violations."""
