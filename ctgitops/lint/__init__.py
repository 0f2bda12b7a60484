"""What speaks against a statement that PostgreSQL would accept. Pure."""
