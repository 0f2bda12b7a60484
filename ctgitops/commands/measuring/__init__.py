"""Code that measures the load of a database around a run."""
