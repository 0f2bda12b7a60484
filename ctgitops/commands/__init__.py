"""The commands, one function each. A command gets everything that it uses as a parameter."""
