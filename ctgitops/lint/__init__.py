"""Lint: rules that find risky statements which PostgreSQL accepts. Pure: no input or output."""
