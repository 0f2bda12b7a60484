"""Throw-away servers (local, container or external), with their programs, limits and clean-up."""
