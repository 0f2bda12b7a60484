"""GitHub: its events and its runner."""
