"""One process at a time: a second says who holds the store; a dead process holds nothing."""

import os
import subprocess
import sys

import pytest

from kobo_sync.errors import LockHeld
from kobo_sync.lock import hold_lock

HOLDER = """
import sys
from pathlib import Path
from kobo_sync.lock import hold_lock
with hold_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_says_who_holds_the_lock_and_a_killed_one_holds_nothing(tmp_path):
    path = tmp_path / "data" / "anltp.lock"
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with (
            pytest.raises(LockHeld, match=rf"processus {holder.pid}, depuis le \d\d/\d\d/\d{{4}} à \d\d:\d\d"),
            hold_lock(path),
        ):
            pass
        holder.kill()
    with hold_lock(path):
        assert str(os.getpid()) in path.read_text()
    with hold_lock(path):
        pass
