"""What was applied, run again from nothing."""
