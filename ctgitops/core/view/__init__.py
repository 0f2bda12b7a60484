"""What pages show of an environment: status, preview, drift, verification, pull request records."""
