"""What a forge such as GitHub sends and shows: events, intents, conflicts, suggestions."""
