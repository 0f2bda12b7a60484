"""What is read from the catalogs: schema, sizes, violations, exported snapshots."""
