"""The statistics of a database: samples of the load, and their record in the ledger's schema."""
