"""Connections: connecting, the simple query protocol, poolers, session settings, signals."""
