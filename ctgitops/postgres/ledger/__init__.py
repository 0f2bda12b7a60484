"""The ledger in the database: its tables, entries and the progress of a run."""
