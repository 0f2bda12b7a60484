"""The session in which a run works: lock retries, blockers, preflight, health, verification."""
