"""The sandbox in which unreviewed SQL runs: provisioning, replay, trial."""
