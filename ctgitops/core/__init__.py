"""The domain model, and pure functions over it: no files, no network, no database."""
