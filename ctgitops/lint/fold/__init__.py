"""How statements change what is known of a schema: one file a kind of statement."""
