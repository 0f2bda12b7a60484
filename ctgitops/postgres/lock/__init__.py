"""The run lock, and the orphaned backends of lost runs."""
