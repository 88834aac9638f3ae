"""An archive of submissions as bytes, ready to be sent: rows of the demonstration's `traite` cases, multiplied.

Every row has its own identifiers and an invented name; the answers are those of the demonstration's cases. Rows lie
one behind the other in a single buffer, so that any run of them is a slice and costs the server nothing.
"""

from __future__ import annotations

import json
import re
import uuid
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import ZipFile

from kobo_sync.demo_server import instance_xml

INSTANCES = Path(__file__).resolve().parents[1] / "kobo_sync" / "demo" / "instances.zip"
SMALLEST, LARGEST = 3_000, 6_000
"""Bytes of a row."""
BLOCK = 100
"""Rows that are compressed together, once, and sent in whatever page they fall."""
_NUMBER, _FIRST, _NOW = "@number@", "@first-uuid@", "@current-uuid@"
_MARKS = re.compile(f"({_NUMBER}|{_FIRST}|{_NOW}|@code@|@name@)")
_SPACE = uuid.UUID("6f9619ff-8b86-4011-b42d-00cf4fc964ff")
_SYLLABLES = ("ba", "dou", "ga", "ka", "lo", "mi", "na", "ri", "sa", "tou", "wa", "za", "go", "yé", "ché", "fa")


@dataclass
class Packed:
    """Rows in one shape. `ends[i]` is where row i ends in `data`, with its comma."""

    data: bytes
    ends: list[int]
    blocks: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[bytes]) -> Packed:
        """Rows laid one behind the other."""
        parts = [row + b"," for row in rows]
        ends, total = [], 0
        for part in parts:
            total += len(part)
            ends.append(total)
        return cls(b"".join(parts), ends)

    def span(self, first: int, last: int) -> memoryview:
        """Rows first to last - 1, commas between them."""
        begin = self.ends[first - 1] if first else 0
        return memoryview(self.data)[begin : max(begin, self.ends[last - 1] - 1)] if last > first else memoryview(b"")

    def deflated(self, first: int, last: int) -> list[bytes]:
        """The same, compressed, in pieces that follow each other in one deflate stream."""
        pieces, at = [], first
        while at < last:
            until = min(last, (at // BLOCK + 1) * BLOCK)
            whole = at % BLOCK == 0 and until - at == BLOCK and until < last
            if not whole:
                pieces.append(deflate(self.span(at, until)))
                pieces += [deflate(b",")] if until < last else []
            else:
                if at not in self.blocks:
                    self.blocks[at] = deflate(
                        memoryview(self.data)[self.ends[at - 1] if at else 0 : self.ends[until - 1]]
                    )
                pieces.append(self.blocks[at])
            at = until
        return pieces


def deflate(data: bytes | memoryview) -> bytes:
    """A piece of a raw deflate stream that needs nothing of the pieces before it."""
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -15)
    return squeeze.compress(data) + squeeze.flush(zlib.Z_FULL_FLUSH)


class Archive:
    """`size` submissions, ordered by `_id`; `edited` are those whose current uuid is no longer the first one."""

    def __init__(self, size: int, asset: str) -> None:
        self.numbers = [1000 + n + n // 40 for n in range(size)]  # numbers have gaps on a real server
        self.edited: set[int] = set()
        self.changed: list[int] = []
        self.nights = 0
        self._templates = templates(asset)
        self._index: dict[frozenset[str], Packed] = {}
        self.bodies = Packed.of(map(self._body, range(size)))

    def change(self, count: int) -> None:
        """Half of `count` rows are new, the others edited, here and there; each night other ones."""
        size, new = len(self.numbers), count // 2
        self.nights += 1
        self.numbers += [self.numbers[-1] + 1 + n for n in range(new)]
        edited = {n * (size // max(1, count - new)) + self.nights for n in range(count - new)}
        self.edited |= edited
        self._index.clear()
        before = self.bodies
        bodies = [bytes(before.span(n, n + 1)) for n in range(size)] + [b""] * new
        self.changed = [*sorted(edited), *range(size, size + new)]
        for n in self.changed:
            bodies[n] = self._body(n)
        self.bodies = Packed.of(bodies)
        touched = {n // BLOCK * BLOCK for n in self.changed}
        self.bodies.blocks = {at: block for at, block in before.blocks.items() if at not in touched}

    def between(self, above: int | None, upto: int | None) -> tuple[int, int]:
        """Positions of the rows with above < _id <= upto."""
        first = 0 if above is None else bisect_right(self.numbers, above)
        return first, max(first, len(self.numbers) if upto is None else bisect_right(self.numbers, upto))

    def position(self, number: int) -> int | None:
        """Where the row of that `_id` is."""
        at = bisect_left(self.numbers, number)
        return at if at < len(self.numbers) and self.numbers[at] == number else None

    def shape(self, fields: Sequence[str] | None) -> Packed:
        """Whole rows, or the index rows that a server makes of `fields`: it always adds its own four."""
        if fields is None:
            return self.bodies
        key = frozenset(fields) & {"_attachments", "_submission_time"}
        if key not in self._index:
            self._index[key] = Packed.of(self._index_row(n, key) for n in range(len(self.numbers)))
        return self._index[key]

    def _uuids(self, n: int) -> tuple[str, str]:
        first = str(uuid.UUID(int=_SPACE.int ^ (n * 0x9E3779B97F4A7C15 % (1 << 64))))
        return first, (first[:-4] + "beef" if n in self.edited else first)

    def _body(self, n: int) -> bytes:
        first, now = self._uuids(n)
        code = f"{n * 7919 % 10**8:08d}"
        name = "".join(_SYLLABLES[(n >> shift) % 16] for shift in (0, 4, 8, 12)).capitalize()
        values = {_NUMBER: str(self.numbers[n]), _FIRST: first, _NOW: now, "@code@": code, "@name@": name}
        parts = self._templates[n % len(self._templates)]
        return "".join(values.get(part, part) for part in parts).encode()

    def _index_row(self, n: int, more: frozenset[str]) -> bytes:
        first, now = self._uuids(n)
        text = f'{{"_id":{self.numbers[n]},"_uuid":"{now}","meta/rootUuid":"uuid:{first}","_validation_status":{{}}'
        text += ',"_attachments":[]' if "_attachments" in more else ""
        text += ',"_submission_time":"2026-01-28T12:00:42"' if "_submission_time" in more else ""
        return f"{text}}}".encode()


def templates(asset: str) -> list[list[str]]:
    """The demonstration's `traite` cases as Kobo shows them, cut where identifiers and names go."""
    found = []
    with ZipFile(INSTANCES) as cases:
        for name in sorted(cases.namelist()):
            if not re.fullmatch(r"traite-\d+\.xml", name):
                continue
            text = re.sub(r"\{\{(given|family)_\d\}\}", "@name@", cases.read(name).decode())
            text = re.sub(r"\{\{(instance_id|root_uuid)\}\}", "uuid:@current-uuid@", text)
            text = re.sub(r"\{\{code(_montre)?\}\}", "@code@", text)
            text = re.sub(r"\{\{\w+\}\}", "2026.1", text).replace("uuid:uuid:", "uuid:")
            row = json.dumps(_document(text, asset), ensure_ascii=False, separators=(",", ":"))
            if SMALLEST <= len(row.encode()) <= LARGEST:
                found.append(_MARKS.split(row.replace(f'"{_NUMBER}"', _NUMBER)))
    return found


def _document(xml: str, asset: str) -> dict[str, object]:
    answers = instance_xml.answers(instance_xml.parse(xml).root, {"victime", "auteur", "autre"})
    return {
        "_id": _NUMBER, **answers, "_xform_id_string": asset, "_uuid": _NOW, "meta/rootUuid": f"uuid:{_FIRST}",
        "_attachments": [], "_status": "submitted_via_web", "_geolocation": [None, None],
        "_submission_time": "2026-01-28T12:00:42", "_validation_status": {}, "_submitted_by": "dst_nia",
    }  # fmt: skip
