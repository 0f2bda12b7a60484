"""Creates the implementations of all ports from a checkout and the process environment."""
