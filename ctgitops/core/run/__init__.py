"""A run: progress events, outcomes, automatic rollback, baseline, repair."""
