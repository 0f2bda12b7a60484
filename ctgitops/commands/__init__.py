"""The commands, one function each; everything that a command uses is a parameter."""
