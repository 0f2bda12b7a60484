"""Fixtures for reading a repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.files.checkout import Checkout


@pytest.fixture
def repo(tmp_path: Path) -> Checkout:
    """A repository with `migrations/` whose headers are optional and which has nothing else."""
    checkout = Checkout(tmp_path)
    checkout.write("migrations/policy.yaml", "header: optional\n")
    return checkout
