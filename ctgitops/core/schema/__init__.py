"""The schema of a database as data: snapshots, their comparison, predictions."""
