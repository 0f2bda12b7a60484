"""The commands, one function each. Everything that a command uses is a parameter."""
