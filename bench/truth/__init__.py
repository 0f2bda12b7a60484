"""Lint, and squawk beside it, judged by what PostgreSQL itself does."""
