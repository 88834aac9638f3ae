"""Names, tokens and keys planted as canaries: every fault is run by the real command line, and every file is searched.

Searched: what the commands print, what they write anywhere under their home, temporary and data folders, the mail, and
what lies in any file that the process holds open, deleted ones included, while it works.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from starlette.middleware import Middleware

from kobo_sync.demo_server import User, serve
from kobo_sync.demo_server.faults import FAULTS, Fault, FaultBoard, Faults
from kobo_sync.store import Store
from tests.canary import contents, spellings
from tests.demo_server_fixture import PHONE, Project
from tests.mail_fixture import PASSWORD, mail_section, mail_server

ROOT = Path(__file__).parent.parent
NAMES = ["Zeinabou-canari", "Maïmouna-canari", "Foyer-canari"]
TOKEN = "c0ffee" + "ca7a11" * 5 + "beef"
STORE_KEY, PSEUDONYM_KEY = "ab5eed" * 10 + "abcd", "cd5eed" * 10 + "cdef"
OWNER = User("lead1", "secret of lead1", TOKEN)
SECRETS = [*NAMES, TOKEN, STORE_KEY, PSEUDONYM_KEY, PASSWORD]
WANTED = spellings(SECRETS) | {bytes.fromhex(STORE_KEY), bytes.fromhex(PSEUDONYM_KEY)}

IMPATIENT = """
import sys
from kobo_sync.client import KoboClient
from kobo_sync.transport_bounds import Limits
KoboClient.__init__.__kwdefaults__.update(
    timeout=(5.0, 2.0), retries=1, sleep=lambda seconds: None, limits=Limits(request=4.0, answer=1_000_000)
)
from kobo_sync.cli import main
for line in sys.stdin:
    sys.argv = ["kobo-sync", *line.split()]
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    print(f"FIN {code}", flush=True)
"""
"""The command line, with less patience than a night has, a command a line."""


class Sheltered:
    """The program in a process of its own, whose every file can be searched."""

    def __init__(self, folder: Path, process: subprocess.Popen[str], errors: Path) -> None:
        self.folder, self.process, self.errors = folder, process, errors
        self.printed: list[str] = []
        self.held: set[str] = set()
        """Open files in which a canary was read."""
        self.looked = 0

    def command(self, words: str) -> int:
        """Run one command; its exit code."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("FIN "):
                return int(line.split()[1])
            self.printed.append(line)
        raise AssertionError(self.errors.read_text(encoding="utf-8"))

    def look_at_open_files(self) -> None:
        """Read what the process holds open now."""
        for entry in self._open_files():
            try:
                if not stat.S_ISREG(entry.stat().st_mode):
                    continue
                content = entry.read_bytes().lower()
                where = str(entry.readlink())
            except OSError:  # closed meanwhile
                continue
            self.looked += 1
            if any(canary in content for canary in WANTED):
                self.held.add(where)

    def _open_files(self) -> list[Path]:
        try:
            return [*Path(f"/proc/{self.process.pid}/fd").iterdir()]
        except OSError:
            return []

    def leaks(self) -> list[str]:
        """Where a canary can be read."""
        found = sorted(self.held)
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.name != "courrier.txt":  # the mail's own secret
                for where, content in contents(path):
                    found += [where for canary in WANTED if canary in content.lower()]
        printed = "".join(self.printed).encode().lower()
        return sorted({*found, *("printed" for canary in WANTED if canary in printed)})


@contextmanager
def sheltered(folder: Path) -> Iterator[Sheltered]:
    """The process, watched while it works."""
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"),
        "KOBO_TOKEN": TOKEN, "KOBO_SYNC_STORE_KEY": STORE_KEY, "KOBO_SYNC_PSEUDONYM_KEY": PSEUDONYM_KEY,
        "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1",
    }  # fmt: skip
    errors = folder / "stderr.txt"
    with errors.open("w", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", IMPATIENT], cwd=folder, env=environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=stderr, text=True, encoding="utf-8",
        )  # fmt: skip
    program, over = Sheltered(folder, process, errors), threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            program.look_at_open_files()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield program
    finally:
        over.set()
        watcher.join()
        process.communicate()


def configuration(folder: Path, project: Project, mail: dict[str, object]) -> None:
    content = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    content["sources"] = [
        {"name": "kobo-anltp", "url": project.base, "token_env": "KOBO_TOKEN", "forms": {"traite": project.uid}}
    ]
    content |= {"mail": mail, "nightly": {"retries": 0}}
    (folder / "config.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


def planted(project: Project) -> None:
    """Names under the questions that ask them, one in a field nobody knows, one in free text."""
    for n in range(5):
        project.add(
            v_prenom=NAMES[0], v_nom=NAMES[1], recit=f"hébergée au {NAMES[2]}", inconnu=NAMES[1], village=f"v{n}"
        )


SAMPLE = ["401", "html", "wrong_type", "truncated", "redirect"]
"""Those that have most to repeat; `make soak` runs them all."""


@pytest.mark.parametrize("faults", [SAMPLE, pytest.param([*FAULTS], marks=pytest.mark.slow)], ids=["sample", "all"])
def test_no_canary_is_read_anywhere_whatever_the_fault(tmp_path: Path, faults: list[str]) -> None:
    (tmp_path / "server").mkdir()
    (tmp_path / "place").mkdir()
    place, board = tmp_path / "place", FaultBoard()
    with (
        serve(
            tmp_path / "server" / "kobo.db", users=[OWNER, PHONE], page_max=2,
            middleware=[Middleware(Faults, board=board)],
        ) as base,
        pytest.MonkeyPatch.context() as patched,
        mail_server(tmp_path / "server") as (box, mail),
    ):  # fmt: skip
        patched.setattr("tests.demo_server_fixture.LEAD", OWNER)
        patched.setattr(Project.ask, "__defaults__", (OWNER,))
        project = Project.deployed(base)
        planted(project)
        configuration(place, project, mail_section(tmp_path / "server", mail.port or 0))
        codes: dict[str, int] = {}
        with sheltered(place) as program:
            for fault in faults:
                board.set(Fault(fault, seconds=0.05))
                codes[fault] = program.command("nightly --once" if fault in ("401", "html") else "run --json")
            board.lift()
            for words in ("run", "nightly --once", "status", "doctor"):
                codes[words] = program.command(words)
            assert program.leaks() == []
            assert program.looked > 10 or not Path("/proc/self/fd").exists()
        assert codes["401"] == codes["html"] == codes["truncated"] == 1 and codes["run"] in (0, 3), codes
        assert box.messages, "a mail left"
        for message in box.messages:
            assert not [name for name in SECRETS if name in message.as_string()]
    with Store.open(place / "data" / "anltp.db", bytes.fromhex(STORE_KEY)) as store:
        kept = [item.raw for item in store.current_submissions()]
    assert kept and all(raw["v_prenom"] == NAMES[0] for raw in kept), "the names did come"


def test_the_search_finds_a_canary_in_a_file_and_in_a_deleted_file_still_open(tmp_path: Path) -> None:
    (tmp_path / "left.txt").write_text(f"bonjour {NAMES[0].upper()}", encoding="utf-8")
    script = (
        "import os, sys\n"
        f"f = open('gone.tmp', 'w'); f.write({TOKEN!r}); f.flush()\n"
        "if os.name == 'posix': os.unlink('gone.tmp')\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        program = Sheltered(tmp_path, process, tmp_path)
        program.look_at_open_files()
        found = program.leaks()
        process.communicate("\n")
    assert any(where.endswith("left.txt") for where in found)
    assert any("gone.tmp" in where for where in found)
