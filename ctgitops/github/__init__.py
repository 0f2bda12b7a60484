"""The GitHub adapter: events, API and runner."""
