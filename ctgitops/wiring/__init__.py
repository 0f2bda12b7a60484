"""Creates the implementation of each port, from a checkout and the process environment. Only this package does so."""
