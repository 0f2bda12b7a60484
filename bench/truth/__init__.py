"""Measures the accuracy of lint, and of squawk, against what PostgreSQL itself does."""
