"""Listeners that show the progress events of a run to people."""
