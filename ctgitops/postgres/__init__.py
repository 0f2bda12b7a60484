"""The PostgreSQL adapter: the only package that uses psycopg and PostgreSQL's own programs."""
