"""The whole story on an embedded PostgreSQL."""
