"""Reads database addresses from the environment variables that manifests name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..lazy import dataclass

if TYPE_CHECKING:
    from ..core.environment.environment import Environment
    from ..postgres.connection.connect import Address


@dataclass(frozen=True)
class Addresses:
    """The database addresses in the process environment."""

    environ: Mapping[str, str] = field(repr=False)

    def of(self, environment: Environment) -> Address:
        """The address of an environment's database. Raises UsageError if its variable is not set."""
        return self.named(environment.url_secret, environment.name)

    def known(self, environment: Environment) -> bool:
        """Whether the variable with the address of an environment's database is set."""
        return bool(self.environ.get(environment.url_secret, "").strip())

    def named(self, secret: str, whose: str) -> Address:
        """The address in the variable `secret`. Messages call it `whose`. Raises UsageError without the variable."""
        from ..postgres.connection.connect import Address

        url = self.environ.get(secret, "").strip()
        if not url:
            what = f"{secret}, the URL of the database of {whose}, is not set"
            quoted = f"{secret}: ${{{{ secrets.{secret} }}}}"
            hint = f"export {secret}='postgresql://…'; in a workflow, under `env:`, `{quoted}`"
            raise UsageError(what, hint=hint)
        return Address(url, f"{whose} ({secret})")

    def url_or_secret(self, text: str) -> str:
        """`text` itself, or for `$NAME` this variable's value, so that a command line need not contain a secret."""
        return self.named(text.strip("${}"), "--into").url if text.startswith("$") else text
