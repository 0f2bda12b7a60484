"""Someone who copies the commands of a page into a shell."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import client_for
from tests.servers import fresh_database, programs_for_tests
from tests.stories.house import House, _environ

SCRIPT = "set -euo pipefail; set -a; if [ -f {state} ]; then . {state}; fi; set +a\n{commands}\nexport -p >{state}"
GIT = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "init.defaultBranch=main")


@dataclass
class Reader:
    """Someone who copies commands from a page into a shell, and puts in what the page leaves open."""

    house: House
    server: LocalServer
    exported: Path
    """The variables of the shell, from one block to the next."""
    replaced: dict[str, str] = field(default_factory=dict)
    """What the page writes for something that only the reader knows, and what it is here."""

    def copies(self, commands: str) -> str:
        """Runs commands in one shell session, which must all succeed."""
        for written, here in self.replaced.items():
            commands = commands.replace(written, here)
        programs = (client_for(programs_for_tests().major).bin, programs_for_tests().bin)
        path = os.pathsep.join([str(Path(sys.executable).parent), *map(str, programs), os.environ["PATH"]])
        done = subprocess.run(
            ["bash", "-c", SCRIPT.format(state=self.exported, commands=commands)],
            cwd=self.house.root,
            env={**_environ(), "PATH": path, **self.house.secrets},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\nended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def database(self) -> str:
        """The URL of a new, empty database."""
        return fresh_database(self.server)

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *GIT, *arguments], cwd=self.house.root, check=True, capture_output=True)

    def applied(self, environment: str) -> None:
        done = self.house.run("apply", "--env", environment)
        assert done.status == 0, done.said
