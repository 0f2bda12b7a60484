"""Writes the migrations of a change in two phases: expand adds the new form, contract drops the old form."""
