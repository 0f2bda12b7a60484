"""Reading SQL without a database. Pure."""
