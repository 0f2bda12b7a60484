"""Runs a migration and its ledger entry in one transaction: the message, its execution, its failures."""
