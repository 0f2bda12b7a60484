"""PostgreSQL: the only folder that knows psycopg and PostgreSQL's programs."""
