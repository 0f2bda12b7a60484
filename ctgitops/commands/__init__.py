"""The verbs: one function each, everything it needs in its signature."""
