"""Throw-away servers: local, container or external, their programs, limits and clean-up."""
