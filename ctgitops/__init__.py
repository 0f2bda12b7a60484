"""GitOps for PostgreSQL schemas. The Python API is private; the command line and the file formats are stable."""

__version__ = "0.1.0"
