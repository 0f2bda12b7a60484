"""`python -m ctgitops`, and what the installed command calls."""

from __future__ import annotations

from .cli.main import main

if __name__ == "__main__":
    main()
