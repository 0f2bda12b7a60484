"""Runs statements outside a transaction: one by one, with recovery, in batches, and with throttling."""
