"""Data for the pages on an environment: status, preview, drift, verification, pull request records."""
