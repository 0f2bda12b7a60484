"""The life of a pull request on the test GitHub: its events, the Action's runs in process, and what GitHub then has."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctgitops.action.run import main
from tests.stories.house import House

from .live import Live, numbers
from .test_event import changed, payload_of


@dataclass
class Story:
    """A repository on GitHub with its checkout in a folder; every run is `main` with a runner's variables."""

    live: Live
    house: House
    files: Path
    folder: str
    runs: int = 100

    def commit(self, message: str, *paths: str, branch: str = "main") -> None:
        """Puts files of the checkout on a branch of GitHub."""
        for path in paths:
            content = base64.b64encode((self.house.root / path).read_bytes()).decode()
            body = {"message": message, "content": content, "branch": branch}
            if found := self.live.find(f"/contents/{self.folder}/{path}?ref={branch}"):
                body["sha"] = found["sha"]
            self.live.call("PUT", f"/contents/{self.folder}/{path}", body)

    def open(self, *paths: str, removed: tuple[str, ...] = ()) -> int:
        """Opens a pull request with files of the checkout, and without those that it removes."""
        name = f"b{next(numbers)}"
        tip = self.live.call("GET", "/branches/main")["commit"]["sha"]
        self.live.call("POST", "/git/refs", {"ref": f"refs/heads/{name}", "sha": tip})
        self.commit("change", *paths, branch=name)
        for path in removed:
            at = f"/contents/{self.folder}/{path}"
            old = self.live.call("GET", f"{at}?ref={name}")["sha"]
            self.live.call("DELETE", at, {"message": "remove", "sha": old, "branch": name})
        number: int = self.live.call("POST", "/pulls", {"title": name, "head": name, "base": "main"})["number"]
        return number

    def plan(self, number: int, **more: str) -> int:
        pull = self.live.call("GET", f"/pulls/{number}")
        payload = changed(payload_of("pull_request.opened"), "pull_request.number", number)
        payload["number"] = number
        for end in ("head", "base"):
            payload["pull_request"][end]["sha"] = pull[end]["sha"]
        repository = payload["pull_request"]["base"]["repo"]
        payload["pull_request"]["head"]["repo"] = repository
        return self.run("pull_request", payload, pull["head"]["sha"], **more)

    def merge(self, number: int) -> str:
        sha: str = self.live.call("PUT", f"/pulls/{number}/merge", {})["sha"]
        return sha

    def push(self, sha: str, **more: str) -> int:
        payload = payload_of("push.branch")
        payload["repository"]["default_branch"] = "main"
        payload |= {"ref": "refs/heads/main", "after": sha}
        return self.run("push", payload, sha, **more)

    def by_hand(self, sha: str, **inputs: str) -> int:
        payload = payload_of("workflow_dispatch") | {"ref": "refs/heads/main", "inputs": inputs}
        payload["repository"]["default_branch"] = "main"
        return self.run("workflow_dispatch", payload, sha)

    def run(self, event: str, payload: dict[str, Any], sha: str, **more: str) -> int:
        """One run; `more` are variables, such as `GITHUB_RUN_ID` of a run that runs again."""
        self.runs += 1
        (self.files / "event.json").write_text(json.dumps(payload))
        environ = {
            "GITHUB_API_URL": self.live.access.api_url,
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(self.files / "event.json"),
            "GITHUB_REF": str(payload.get("ref", "refs/heads/main")),
            "GITHUB_OUTPUT": str(self.files / "output"),
            "GITHUB_REPOSITORY": self.live.access.repository,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": str(self.runs),
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_SHA": sha,
            "GITHUB_STEP_SUMMARY": str(self.files / "summary"),
            "GITHUB_WORKSPACE": str(self.house.root.parent),
            "INPUT_GITHUB-TOKEN": self.live.access.token,
            "INPUT_ROOT": self.folder,
        }
        return main({**environ, **self.house.secrets, **more})

    def comment(self, number: int) -> str:
        """The one comment of a pull request."""
        (found,) = self.live.comments(number)
        return str(found["body"])

    def record(self, number: int) -> str:
        """The comment without the plan below, and without its marker."""
        return self.comment(number).split("\n", 1)[1].split("<!-- ctgitops plan begin")[0]
