"""GitOps for a PostgreSQL schema. The Python API is private; the command line and file formats are stable."""

__version__ = "0.1.0"
