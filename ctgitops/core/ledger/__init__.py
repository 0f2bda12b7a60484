"""The ledger as data: its entries, the applied migrations, and the migrations that a run left unfinished."""
