"""What the derived data and the workbooks are stamped with: the release, and a digest of the rules that made them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import transforms
from kobo_sync import __version__


@cache
def code_version() -> str:
    """`0.1.0+` and eight hexadecimal digits of the content of `transforms` (code and data), so that a change shows."""
    digest = hashlib.sha256()
    room = Path(transforms.__file__).parent
    for path in sorted(room.rglob("*"), key=lambda p: p.relative_to(room).as_posix()):
        if path.suffix in {".py", ".csv", ".yaml", ".json", ".txt"}:
            digest.update(path.relative_to(room).as_posix().encode())
            digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return f"{__version__}+{digest.hexdigest()[:8]}"
