"""The impact of migrations on a database in use: locks, work, durations, and claims about them."""
