"""The schema of a database as data: snapshots, comparisons, predictions."""
