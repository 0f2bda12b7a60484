"""Data exchanged with a forge such as GitHub, and decisions about it: events, intents, conflicts, suggestions."""
