"""Environments and policy, as the files in the repository define them."""
