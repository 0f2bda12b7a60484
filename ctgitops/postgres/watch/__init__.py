"""Shows to other sessions what a run is doing. Reads only; takes no lock that a run can wait for."""
