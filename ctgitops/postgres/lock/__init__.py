"""The run lock, and backends that a lost run left behind."""
