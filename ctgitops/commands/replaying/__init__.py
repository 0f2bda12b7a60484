"""Replays the applied migrations from an empty database."""
