"""Reasons why a valid plan must wait, and the request with the facts that decide it."""
