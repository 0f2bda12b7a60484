"""The domain model as data and pure functions: no access to files, the network or a database."""
