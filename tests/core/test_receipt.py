"""A receipt is read as it was written, and nothing else is taken for one."""

from __future__ import annotations

import json

import pytest

from ctgitops.core.receipt import Receipt
from tests.fakes import receipt


def test_a_receipt_is_read_as_what_it_was() -> None:
    assert Receipt.from_json(receipt().to_json()) == receipt()


@pytest.mark.parametrize(
    "change",
    [
        {"format": 99},
        {"files": None},
        {"rows": "x"},
        {"rows": {"t": "many"}},
        {"environment": 1},
        {"encrypted_to": [7]},
        {"stored": {"toc.dat": {"bytes": "2", "sha256": "a"}}},
        {"locale": {"collate": None}},
    ],
)
def test_what_is_not_a_receipt_of_this_format_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="receipt"):
        Receipt.from_json(json.dumps(json.loads(receipt().to_json()) | change))
    with pytest.raises(ValueError, match="receipt"):
        Receipt.from_json("[]")


def test_a_receipt_of_a_newer_version_is_named_as_such() -> None:
    """Seen to fail: it was called incomplete, with the message of a Python function."""
    newer = json.dumps({**json.loads(receipt().to_json()), "colour": "blue"})
    with pytest.raises(ValueError, match="a newer version of ctgitops wrote it, with `colour`"):
        Receipt.from_json(newer)


def test_a_receipt_that_is_nested_too_deeply_is_not_a_receipt() -> None:
    """Seen to fail: `backup list`, `verify` and `drill` ended with a traceback."""
    with pytest.raises(ValueError, match="nested too deeply"):
        Receipt.from_json("[" * 200_000)
