"""Tests of the migrations that expand and contract a schema."""
