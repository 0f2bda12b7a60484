"""Who else hears what happens."""
