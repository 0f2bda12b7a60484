"""What the Action does: an event and inputs become one verb, and what came of it is told where GitHub users look."""
