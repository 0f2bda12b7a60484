"""GitOps for a PostgreSQL schema. All Python in here is private; the contract is the command line and the formats."""

__version__ = "0.1.0"
