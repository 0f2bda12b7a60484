"""Reads the key `notify` in manifests and the policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..core.environment.receiver import Event, Receiver
from ..core.problem import Problem
from .json_schema import Fault

if TYPE_CHECKING:
    from .strict_yaml import Document


def secret(text: str) -> str:
    """The name in a reference to a secret: `${NAME}` becomes `NAME`."""
    return text.removeprefix("${").removesuffix("}")


def receivers_of(usable: dict[str, Any]) -> tuple[Receiver, ...]:
    """The receivers that a document defines. Ignores invalid keys."""
    return tuple(map(_receiver, usable.get("notify") or ()))


def _receiver(written: dict[str, Any]) -> Receiver:
    return Receiver(
        secret=secret(written.get("webhook") or written["to"]),
        events=frozenset(map(Event, written.get("on", Event))),
        is_webhook="webhook" in written,
        signing_secret=secret(written.get("signed_with", "")),
    )


def receiver_faults(document: Document, usable: dict[str, Any]) -> Iterator[Fault]:
    """Reports a receiver with both or neither of `to` and `webhook`, or with a signature but no webhook."""
    for index, written in enumerate(usable.get("notify") or ()):
        keys = ("notify", index)
        place = document.place(keys)
        if ("to" in written) == ("webhook" in written):
            what = f"`notify[{index}]` must have exactly one of the keys `to` and `webhook`"
            hint = 'write `to: "${SLACK_URL}"` for a service, or `webhook: "${WEBHOOK_URL}"` for JSON'
            yield Fault(keys, Problem("value", what, place, hint))
        elif "signed_with" in written and "webhook" not in written:
            what = f"`notify[{index}].signed_with` has no effect: only a webhook's JSON document is signed"
            yield Fault(keys, Problem("value", what, place, "remove `signed_with`, or use `webhook`"))
