"""The run lock, and orphaned backends of a lost run."""
