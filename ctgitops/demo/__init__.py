"""The demo, which plays the whole workflow on an embedded PostgreSQL."""
