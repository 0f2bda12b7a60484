"""Data for the pages about an environment: status, preview, drift, verification, pull request records."""
