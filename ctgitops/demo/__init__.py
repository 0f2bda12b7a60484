"""The demo: the whole workflow, on an embedded PostgreSQL."""
