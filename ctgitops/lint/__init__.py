"""Lint: rules that find risky statements in migrations which PostgreSQL itself would accept. Pure."""
