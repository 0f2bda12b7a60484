"""The run lock. Also the orphaned backends of a lost run."""
