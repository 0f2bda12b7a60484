"""The check of the variables that a manifest names. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from .diagnosis import Diagnosis, ok, problem

if TYPE_CHECKING:
    from ..environment.environment import Environment
    from ..environment.receiver import Receiver


IDENTITY = "CTGITOPS_IDENTITY"
"""The variable with the private key that decrypts backups. No manifest names it."""


def secrets_of(environments: Iterable[Environment], receivers: tuple[Receiver, ...]) -> frozenset[str]:
    """The names of all variables with secrets, with the private key of backups. `receivers` are those of the policy."""
    found = {IDENTITY}
    for each in environments:
        found |= wanted(each, (*each.notify, *receivers)).keys()
    return frozenset(found)


def variables(environment: Environment, receivers: tuple[Receiver, ...], known: Collection[str]) -> Iterator[Diagnosis]:
    """A problem for each variable that is not in `known`. `receivers` includes the policy's receivers."""
    all_names = wanted(environment, receivers)
    missing = {name: what for name, what in all_names.items() if name not in known}
    for name, what in missing.items():
        fix = f"gh secret set {name} --env {environment.name}   # on GitHub, and under `env:` in the workflow"
        yield problem("variables", f"{name}, {what}, is not set", f"export {name}=…\n{fix}")
    if not missing:
        yield ok("variables", f"{', '.join(all_names)}")


def wanted(environment: Environment, receivers: tuple[Receiver, ...]) -> dict[str, str]:
    """Maps the name of each variable with a secret to what it contains."""
    found = {environment.url_secret: "the URL of the database"}
    if environment.shadow.url_secret:
        found[environment.shadow.url_secret] = "the URL of the server for the trial"
    if environment.backup and environment.backup.verify_server:
        found[environment.backup.verify_server] = "the URL of the server that verifies backups"
    for each in receivers:
        found.setdefault(each.secret, "the URL of a receiver of notifications")
        if each.signing_secret:
            found.setdefault(each.signing_secret, "the key that signs notifications")
    return found
