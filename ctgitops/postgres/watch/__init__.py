"""Finds out from another session what a run is doing. Only reads, and takes no lock that a run can wait for."""
