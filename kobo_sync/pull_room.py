"""How much a server may bring: a broken or hostile one must fill neither the disk nor a night."""

from __future__ import annotations

import shutil
from pathlib import Path

from kobo_sync.errors import NoRoom, UnexpectedAnswer

LEAST_FREE = 1 << 30
LEAST_SHARE = 0.05
"""Left free: a gigabyte, or on a small disk a twentieth of it, for the workbooks, a backup and everybody else."""
MOST_BYTES = 5 << 30
"""Of rows in one night, from one source. A first pull of 100,000 cases is half a gigabyte."""
MOST_ROWS = 5_000_000
"""Of one form's index: their keys are held in memory."""


class Room:
    """What one source has brought in one pull, and the disk that the store lies on."""

    def __init__(self, folder: Path, source: str) -> None:
        self._folder = folder
        self._source = source
        self._taken = 0

    def take(self, size: int) -> None:
        """So many bytes came and are about to be written. Raises NoRoom."""
        self._taken += size
        if self._taken > MOST_BYTES:
            raise NoRoom(
                f"{self._source} a envoyé plus de {MOST_BYTES >> 20} Mo en une nuit ; ce qui est reçu est gardé",
                "si c’est voulu (une première réception), relancez : le reste suit ; sinon prévenez "
                "l’administrateur du serveur",
            )
        disk = shutil.disk_usage(self._folder)
        if disk.free < min(LEAST_FREE, disk.total * LEAST_SHARE):
            raise NoRoom(
                f"il reste trop peu de place sur le disque ({disk.free >> 20} Mo) pour recevoir {self._source} ; "
                "ce qui est reçu est gardé",
                "libérez de la place (kobo-sync doctor dit combien il en reste), puis relancez",
            )

    def rows(self, read: int) -> None:
        """So many rows of one index were read. Raises UnexpectedAnswer."""
        if read > MOST_ROWS:
            raise UnexpectedAnswer(
                f"{self._source} : la liste des fiches ne finit pas ({read} lues)",
                "prévenez l’administrateur du serveur",
            )
