"""GitOps for a PostgreSQL schema. The Python API is private; users rely on the command line and the file formats."""

__version__ = "0.1.0"
