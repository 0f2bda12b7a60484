"""Finished backups in a store: their receipts, their drills, and the choice of backups to remove."""
