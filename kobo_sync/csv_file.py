"""A CSV that people complete in Excel: read whatever its separator, and refused in words where accents would be lost.

What goes to phones is always UTF-8 without a mark, with commas: their engines read nothing else.
"""

import csv
import io
from pathlib import Path

from kobo_sync.errors import FormError

Rows = list[dict[str, str]]
REMEDY = "enregistrez-le dans Excel ou LibreOffice en « CSV UTF-8 (délimité par des virgules) »"


class CsvFileError(FormError):
    """The file can't be read as CSV."""


def read_csv(path: Path) -> tuple[list[str], Rows]:
    """Header and rows, cells without spaces around, blank rows left out. Raises CsvFileError."""
    content = path.read_bytes()
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise CsvFileError("c’est un classeur Excel, pas un CSV", REMEDY)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:200]:
        raise CsvFileError("le fichier est en UTF-16 (« Texte Unicode »)", REMEDY)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CsvFileError("le fichier n’est pas en UTF-8 : les accents seraient perdus", REMEDY) from None
    first = text.lstrip().partition("\n")[0]
    mark = ";" if first.count(";") > first.count(",") else ","
    lines = [[cell.strip() for cell in line] for line in csv.reader(io.StringIO(text, newline=""), delimiter=mark)]
    filled = [(number, line) for number, line in enumerate(lines, start=1) if any(line)]
    header = filled[0][1] if filled else []
    while header and not header[-1]:  # Excel keeps columns that somebody emptied
        header = header[:-1]
    for number, line in filled[1:]:
        if any(line[len(header) :]):
            raise CsvFileError(
                f"ligne {number} : plus de cases que d’en-têtes ({len(header)}) ; un texte contient-il « {mark} » ?",
                f"mettez ce texte entre guillemets, ou {REMEDY}",
            )
    return header, [
        {column: (line[at] if at < len(line) else "") for at, column in enumerate(header)} for _, line in filled[1:]
    ]


def phones_csv(path: Path) -> bytes:
    """The same content as phones read it: UTF-8, commas. Raises CsvFileError."""
    header, rows = read_csv(path)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(row.values() for row in rows)
    return out.getvalue().encode()
