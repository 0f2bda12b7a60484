"""The load of a database before and after a run: samples of its statistics, and what changed between them. Pure."""
