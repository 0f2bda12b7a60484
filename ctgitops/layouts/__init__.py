"""Reads the file layouts of other migration tools, with one module per tool. Pure. `registry.py` lists the tools."""
