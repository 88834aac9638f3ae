"""The demonstration, run as a user runs it: a process of its own, with a home and a temporary folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DemoRun:
    """A finished demonstration. `started`: seconds since the epoch."""

    folder: Path
    started: float
    returncode: int
    output: str

    @property
    def config(self) -> Path:
        return self.folder / "demo-data" / "config.yaml"

    @property
    def outputs(self) -> Path:
        return self.folder / "demo-data" / "outputs"


def run_demo(folder: Path) -> DemoRun:
    """Runs `kobo-sync demo` in an empty folder, with HOME and TMPDIR inside it."""
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    kept = {k: v for k, v in os.environ.items() if k.startswith(("LANG", "LC_", "OPENBLAS")) or k == "PATH"}
    started = time.time()
    done = subprocess.run(
        [sys.executable, "-c", "from kobo_sync.cli import main; main()", "demo"],
        cwd=folder,
        env=kept
        | {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "PYTHONWARNINGS": "error"}
        # The real keys, should they be there, are none of the demonstration's business.
        | {"KOBO_SYNC_STORE_KEY": "ab" * 32, "KOBO_SYNC_PSEUDONYM_KEY": "cd" * 32},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    return DemoRun(folder, started, done.returncode, done.stdout + done.stderr)
