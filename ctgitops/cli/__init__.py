"""The command line: parses arguments, calls one command, and prints its result."""
