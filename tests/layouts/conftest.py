"""The fixture of a checkout, as in tests/files."""

from __future__ import annotations

from tests.files.conftest import *  # noqa: F403
