"""The nouns, and pure functions over them."""
