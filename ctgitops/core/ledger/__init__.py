"""The ledger as data: its entries, the applied migrations, and what an interrupted run left unfinished."""
