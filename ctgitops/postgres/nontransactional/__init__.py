"""Statements outside a transaction: step by step, recovery, batched updates, throttling."""
