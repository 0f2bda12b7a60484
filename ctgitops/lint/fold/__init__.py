"""Applies statements to lint's model of the schema: one module for each kind of statement."""
