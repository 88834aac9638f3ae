"""Saves a workbook whole or not at all, the same bytes for the same content."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.writer.excel import ExcelWriter

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


class FileInUse(Exception):
    """The file could not be put in its place, most often because it is open in a spreadsheet program."""


class _SteadyZip(ZipFile):
    """A zip whose members carry no clock, so that two writes of the same content are equal."""

    def _info(self, name: str) -> ZipInfo:
        info = ZipInfo(name, _ZIP_EPOCH)
        info.compress_type = ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        return info

    def writestr(self, zinfo_or_arcname: str | ZipInfo, data: Any, *_: Any, **__: Any) -> None:
        name = zinfo_or_arcname if isinstance(zinfo_or_arcname, str) else zinfo_or_arcname.filename
        super().writestr(self._info(name), data)

    def write(self, filename: Any, arcname: Any = None, *_: Any, **__: Any) -> None:
        with Path(filename).open("rb") as source, self.open(self._info(str(arcname)), "w") as target:
            shutil.copyfileobj(source, target)


def as_utc(moment: datetime) -> datetime:
    """The moment in UTC without its zone, as workbook properties hold it; a naive one is taken as UTC."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def closed_folder(path: Path) -> None:
    """Make a folder, and those above it, for their owner alone; one that is there stays as people set it."""
    if not path.is_dir():
        closed_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def _whole_file(path: Path) -> Iterator[Path]:
    # beside the target: os.replace is atomic only within one file system
    for left in path.parent.glob(f".{path.name}.*.part"):  # of a process that was killed here
        left.unlink(missing_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        try:
            part.replace(path)
        except PermissionError as error:
            raise FileInUse(
                f"Impossible de remplacer « {path.name} » : fermer le classeur dans Excel ou LibreOffice, "
                "puis relancer. L’ancien fichier est intact."
            ) from error
    finally:
        part.unlink(missing_ok=True)


def save_workbook(workbook: Workbook, path: Path, produced_at: datetime) -> Path:
    """Write `workbook` to `path` (0600), replacing what was there only once the new file is complete.

    openpyxl's own save stamps the clock of the machine: the writer is driven directly, so that created and
    modified are `produced_at`. Raises FileInUse when the target is held open (Windows), OSError when the disk
    refuses; in both cases the old file is as it was.
    """
    closed_folder(path.parent)
    workbook.properties.created = workbook.properties.modified = as_utc(produced_at).replace(microsecond=0)
    with _whole_file(path) as part:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            ExcelWriter(workbook, _SteadyZip(stream, "w", ZIP_DEFLATED)).save()
            stream.flush()
            os.fsync(stream.fileno())
    return path
