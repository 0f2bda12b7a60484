"""Catalog queries: schema, sizes, violations, exported snapshots."""
