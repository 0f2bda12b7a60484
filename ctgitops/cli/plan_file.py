"""Reads a file that `plan --out` wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..untrusted_json import read_json

if TYPE_CHECKING:
    from ..core.schema.prediction import Prediction


def fingerprint_in(plan_file: Path, name: str) -> tuple[str, Prediction | None]:
    """The fingerprint and prediction in a file from `plan --out`. Raises click.BadParameter."""
    try:
        written = read_json(plan_file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{plan_file} cannot be read as a plan: {error}", param_hint="--plan") from None
    plans = written.get("plans", [written]) if isinstance(written, dict) else []
    for each in plans:
        if isinstance(each, dict) and each.get("environment") == name and each.get("fingerprint"):
            return str(each["fingerprint"]), _prediction(each.get("proof"), plan_file)
    raise click.BadParameter(f"{plan_file} does not contain a plan of {name}", param_hint="--plan")


def _prediction(proof: object, plan_file: Path) -> Prediction | None:
    from ..core.ledger.drift_acceptance import changes_from
    from ..core.schema.prediction import Prediction

    if not isinstance(proof, dict) or not proof.get("prediction"):
        return None
    try:
        return Prediction(str(proof["prediction"]), changes_from(json.dumps(proof["changes"])))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise click.BadParameter(
            f"{plan_file} contains a prediction that cannot be read", param_hint="--plan"
        ) from None
