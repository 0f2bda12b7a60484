"""Finished backups in a store: what is known of them, and which of them retention removes."""
