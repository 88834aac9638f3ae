"""One process at a time: a second says who holds the store; a dead process holds nothing, whatever the file says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kobo_sync.errors import LockHeld, StoreError
from kobo_sync.lock import hold_lock, holder, is_held

HOLDER = """
import sys
from pathlib import Path
from kobo_sync.lock import hold_lock
path = Path(sys.argv.pop())
with hold_lock(path):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another(path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, "run", "--case", "ABCD2345", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_process_says_who_holds_the_lock_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "data" / "anltp.lock"
    with held_by_another(path) as other:
        since = r"depuis le \d\d/\d\d/\d{4} à \d\d:\d\d \(heure de Niamey\)"
        said = rf"processus {other.pid} \(kobo-sync run\), {since} — .*arrêtez ce processus"
        with pytest.raises(LockHeld, match=said), hold_lock(path):
            pass
        assert is_held(path) and "ABCD" not in path.read_text(), "what follows the command may be a case"
    assert not is_held(path) and str(other.pid) in path.read_text(), "the dead one's name is still there"
    with hold_lock(path):
        who = holder(path)
        assert who is not None and who.pid == os.getpid() and is_held(path)
    with hold_lock(path):
        pass
    assert not is_held(path) and holder(path) is None


def test_a_number_that_another_process_bears_by_now_holds_nothing(tmp_path: Path) -> None:
    """After a restart, the number in a lock that was left may be anybody's: here our own, alive."""
    path = tmp_path / "anltp.lock"
    left = {"pid": os.getpid(), "host": "autre", "command": "kobo-sync run", "since": "2020-01-01T00:00:00+00:00"}
    path.write_text(json.dumps(left))
    with hold_lock(path):
        who = holder(path)
        assert who is not None and who.host != "autre"


def test_a_holder_on_another_machine_is_named_with_it(tmp_path: Path) -> None:
    path = tmp_path / "anltp.lock"
    with held_by_another(path) as other:
        about = json.loads(path.read_text()) | {"host": "conteneur-7"}
        path.write_text(json.dumps(about))
        with pytest.raises(LockHeld, match=rf"processus {other.pid} sur la machine conteneur-7 \("), hold_lock(path):
            pass


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"pid": "x", "since": 3}'])
def test_a_lock_without_a_legible_name_is_respected_all_the_same(tmp_path: Path, text: str) -> None:
    path = tmp_path / "anltp.lock"
    with held_by_another(path):
        path.write_text(text)
        with pytest.raises(LockHeld, match="en cours sur cette base — attendez"), hold_lock(path):
            pass


@pytest.mark.skipif(os.name != "posix", reason="mode bits are POSIX's")
def test_a_data_folder_open_to_others_is_closed_and_a_common_one_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "anltp.lock").touch(0o644)
    with hold_lock(folder / "anltp.lock"):
        assert [path.stat().st_mode & 0o777 for path in (folder, folder / "anltp.lock")] == [0o700, 0o600]
    common = tmp_path / "tmp"
    common.mkdir()
    common.chmod(0o1777)
    with pytest.raises(StoreError, match="commun à tous les comptes — donnez à data_dir"), hold_lock(common / "a.lock"):
        pass
