"""The files that `forms paper` writes, and the list of the codes that it issued.

Each printed sheet of a case bears a code of its own, checked, never issued before in that folder. The list of a day,
`codes-émis-AAAA-MM-JJ.csv`, holds code, form and date alone, and only grows: no code that was printed is forgotten.
"""

import csv
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from kobo_sync import form_paper_docx as docx
from kobo_sync import form_paper_pdf as pdf
from kobo_sync import forms
from kobo_sync.form_paper import paper
from transforms import case_code

HEADER = ("code", "fiche", "date")
ISSUED = "codes-émis-*.csv"


def write(out: Path, codes: int, today: date, names: Sequence[str] = forms.FORMS) -> list[Path]:
    """Write the paper of each form into `out`; with `codes`, that many numbered copies of each case form besides."""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for form in names:
        sheet = paper(form)
        contents = {
            f"{form}-papier.pdf": pdf.core_pdf(sheet),
            f"{form}-papier.docx": docx.core_docx(sheet),
            f"{form}-annexe.pdf": pdf.annex_pdf(sheet),
            f"{form}-annexe.docx": docx.annex_docx(sheet),
        }
        if codes and sheet.has_code:
            new = issue(out, codes)
            name = _unused(out, f"{form}-papier-{today.isoformat()}")
            contents[name] = pdf.core_pdf(sheet, new)
            written.append(_note(out, form, new, today))  # first: a printed code that no list holds would be lost
        for name, content in contents.items():
            if content is not None:
                (out / name).write_bytes(content)
                written.append(out / name)
    return list(dict.fromkeys(written))


def issue(out: Path, number: int) -> list[str]:
    """New codes, none of which a list in the folder holds already."""
    known = {row["code"] for path in out.glob(ISSUED) for row in _rows(path)}
    new: dict[str, None] = {}
    while len(new) < number:
        code = case_code.issue()
        if code not in known:
            new[code] = None
    return list(new)


def _note(out: Path, form: str, codes: Sequence[str], today: date) -> Path:
    path = out / ISSUED.replace("*", today.isoformat())
    begun = path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not begun:
            writer.writerow(HEADER)
        writer.writerows((code, form, today.isoformat()) for code in codes)
    return path


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _unused(out: Path, stem: str) -> str:
    """A name that no earlier print of the day has: its codes stay with its sheets."""
    number, name = 1, f"{stem}.pdf"
    while (out / name).exists():
        number += 1
        name = f"{stem}-{number}.pdf"
    return name
