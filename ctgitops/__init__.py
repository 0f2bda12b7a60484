"""GitOps for a PostgreSQL schema. The Python API is private; the command line and the file formats are the contract."""

__version__ = "0.1.0"
