"""The ledger as data: entries, what is applied, what an interrupted run left unfinished."""
