"""Reads the file layouts of other migration tools: one module a tool. Pure. `registry.py` lists them."""
