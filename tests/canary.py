"""Searching files for names, as bytes and inside zips, whatever the case, accents or encoding."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path


def spellings(names: Iterable[str]) -> set[bytes]:
    """Each name as it could lie in a file: as sent and without accents, both lower-cased, in three encodings."""
    found = set()
    for name in names:
        bare = "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))
        for text in {name.lower(), bare.lower()}:
            for encoding in ("utf-8", "utf-16-le", "latin-1"):
                found.add(text.encode(encoding, errors="ignore"))
    return {spelling for spelling in found if len(spelling) > 5}


def contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """The bytes of a file, and of every member when it is a zip (a workbook is one), however deep."""
    yield from _unpacked(str(path), path.read_bytes())


def _unpacked(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    yield name, content
    if content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                yield from _unpacked(f"{name}!{member}", archive.read(member))


def leaks(folders: Iterable[Path], names: Iterable[str], since: float = 0.0) -> list[str]:
    """Where, in files written at or after `since` below these folders, one of the names can be read."""
    wanted = spellings(names)
    found = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.stat().st_mtime >= since:
                for where, content in contents(path):
                    lowered = content.lower()  # ASCII letters only, which is what the spellings were lowered to
                    found += [where for spelling in wanted if spelling in lowered]
    return sorted(set(found))
