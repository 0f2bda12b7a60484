"""Results of running a plan in a sandbox: schema changes, gaps, violations, and references in code."""
