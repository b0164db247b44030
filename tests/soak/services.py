"""Programs that are started again whenever they end, and commands of ``manage.py``."""

import asyncio
import os
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.jobs.workers import FAKETIME
from tests.servers import ROOT, SCRIPTS, Server, running

LOOK = 0.3  # seconds between two looks whether a program still runs
STOP = 60.0  # seconds for a program to stop


class Service:
    """A program that is started again whenever it ends, as a service manager does.

    Attributes:
        ends: how often it has ended, by exit status.
        log: the output of all its processes that have ended.
    """

    def __init__(self, *command: object, env: dict[str, str]) -> None:
        self.command = command
        self.env = env
        self.ends: Counter[int | None] = Counter()
        self.log = ""
        self.process: Server | None = None

    @property
    def id(self) -> int:
        """The id of the process; 0 if there is none."""
        return 0 if self.process is None else self.process.pid

    async def keep(self) -> None:
        """Run the program until this is cancelled."""
        while True:
            with running(*self.command, env=self.env) as self.process:
                try:
                    while self.process.poll() is None:
                        await asyncio.sleep(LOOK)
                    self.ends[self.process.returncode] += 1
                except asyncio.CancelledError:
                    await asyncio.to_thread(self.stop, self.process)
                    raise
                finally:
                    self.log += self.process.output

    @staticmethod
    def stop(process: Server) -> None:
        """Stop the process, as a service manager does."""
        process.terminate()
        process.wait(STOP)


def wrong_clock(file: Path) -> dict[str, str]:
    """Return the environment of a program whose clock differs by the seconds in a file."""
    if not FAKETIME:
        return {}
    return {
        "LD_PRELOAD": str(FAKETIME[0]),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


async def manage(*command: object, env: Mapping[str, str]) -> tuple[int | None, str]:
    """Run a command of ``manage.py``; return its exit status and its output."""
    process = await asyncio.create_subprocess_exec(
        str(SCRIPTS / "python"),
        "manage.py",
        *map(str, command),
        cwd=ROOT,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    return process.returncode, output
