"""Lint: rules that find statements that PostgreSQL accepts but that are risky. Pure."""
