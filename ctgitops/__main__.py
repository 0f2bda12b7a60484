"""Entry point of `python -m ctgitops` and of the installed command `ctgitops`."""

from __future__ import annotations

from .cli.main import main

if __name__ == "__main__":
    main()
