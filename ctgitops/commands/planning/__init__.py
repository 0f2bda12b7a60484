"""Parts of the verb `plan`."""
