"""Reasons why a sound plan must wait, and the request that carries the facts for them."""
