"""The commands: one function each, with everything that it needs as a parameter."""
