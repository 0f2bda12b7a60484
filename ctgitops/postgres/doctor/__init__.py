"""The checks of `doctor` that read a database, or look for PostgreSQL's programs. These checks change nothing."""
