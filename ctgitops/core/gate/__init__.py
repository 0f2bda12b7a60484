"""Reasons why a valid plan must wait, and the request that contains the facts for them."""
