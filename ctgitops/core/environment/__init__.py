"""Environments as manifests and the policy describe them."""
