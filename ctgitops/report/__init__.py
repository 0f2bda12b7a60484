"""Pages made of nouns. Pure."""
