"""Other sessions of a database: blockers, lock holders, orphaned backends, session settings."""
