"""The demo. It plays the whole workflow on an embedded PostgreSQL."""
