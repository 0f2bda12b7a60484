"""A migration in one transaction with its ledger entry: the message, its execution, its failures."""
