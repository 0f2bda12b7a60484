"""Creates the implementations of all ports. Uses a checkout and the process environment."""
