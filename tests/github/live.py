"""Direct access to the test GitHub, to create test data and to check results."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from itertools import count
from time import time_ns
from typing import Any

from ctgitops.github.access import Access, RetryPolicy
from ctgitops.github.forge import GitHubForge

from ..servers import missing

PATIENCE = RetryPolicy(between_writes=0, settle=0.3)
numbers = count(time_ns())


def access_for_tests() -> Access:
    """The GitHub to test against; skips where there is none."""
    names = ("GITHUB_TEST_TOKEN", "GITHUB_TEST_REPOSITORY", "GITHUB_API_URL")
    values = [os.environ.get(name, "") for name in names]
    if not all(values):
        raise missing("github", f"no GitHub to test against: {', '.join(names)} say where one is")
    return Access(*values)


class Live:
    """The repository of the test GitHub, by hand."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.warnings: list[str] = []
        self.forges: list[GitHubForge] = []
        self.seen, self.called = (len(self._contract()[part]) for part in ("violations", "log"))

    def forge(self) -> GitHubForge:
        self.forges.append(GitHubForge(self.access, self.warnings.append, patience=PATIENCE))
        return self.forges[-1]

    def call(self, method: str, path: str, body: object = None) -> Any:
        return self.send(method, f"/repos/{self.access.repository}{path}", body)

    def find(self, path: str) -> Any:
        """The same, None where there is no such thing."""
        try:
            return self.call("GET", path)
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return None

    def violations(self) -> list[Any]:
        """What broke the contract since this test began; what is wrong with answers is not ours."""
        return [v for v in self._contract()["violations"][self.seen :] if v[0] in ("request", "graphql")]

    def calls(self) -> list[tuple[str, int]]:
        """What was asked since this test began, and the status of the answer."""
        return [(call, status) for call, status in self._contract()["log"][self.called :]]

    def comments(self, number: int) -> list[Any]:
        pages = [self.call("GET", f"/issues/{number}/comments?per_page=100&page={page}") for page in (1, 2, 3)]
        return [comment for page in pages for comment in page]

    def pull_request(self, *files: str) -> Any:
        """Opens one that adds files."""
        name = f"b{next(numbers)}"
        tip = self.call("GET", "/branches/main")["commit"]["sha"]
        self.call("POST", "/git/refs", {"ref": f"refs/heads/{name}", "sha": tip})
        for file in files:
            self.call("PUT", f"/contents/{file}", {"message": file, "content": "LS0K", "branch": name})
        return self.call("POST", "/pulls", {"title": name, "head": name, "base": "main"})

    def _contract(self) -> dict[str, list[Any]]:
        return {**self.send("GET", "/_contract")}

    def send(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self.access.token}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        asked = urllib.request.Request(self.access.api_url + path, data, headers, method=method)  # noqa: S310
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
            return json.load(answer)
