"""One rule a file: it is found by being here."""
