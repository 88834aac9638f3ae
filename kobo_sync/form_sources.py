"""Reads the text that forms are built from, and says which file, line or question cannot be used, and why.

These files are often opened and saved again in Excel, which may write semicolons, another encoding or a mark before
the first letter. The mark alone does no harm; the others are refused by name, for they would empty a form in silence.
"""

import csv
import io
import re
from collections.abc import Collection
from pathlib import Path

from pyxform.errors import PyXFormError

from kobo_sync.errors import FormError

Rows = list[dict[str, str]]

SAVE_AS = "enregistrez-le en CSV UTF-8 séparé par des virgules"
REMEDY = "corrigez ce point dans les CSV de la fiche, puis kobo-sync forms check"
ESSENTIAL = {
    "survey": ("type", "name"),
    "choices": ("list_name", "name", "label::Français (fr)", "label::English (en)", "from_codelist", "exclude"),
    "settings": ("form_title", "version"),
}
"""Columns without which nothing can be built; `forms_lint` asks for the others."""


def read_rows(path: Path, columns: Collection[str] = ()) -> Rows:
    """The rows of a CSV, cells as they are written. Raises FormError for a file that must be saved otherwise."""
    where = f"{path.parent.name}/{path.name}"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FormError(f"{where} : ce fichier manque", "remettez-le depuis le projet (git checkout)") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FormError(f"{where} : le fichier n’est pas en UTF-8", SAVE_AS) from None
    lines = csv.reader(io.StringIO(text, newline=""))
    header = next(lines, [])
    if len(header) < 2 or any(";" in column for column in header):
        cause = "est séparé par des points-virgules" if ";" in "".join(header) else "n’a pas de ligne d’en-têtes"
        raise FormError(f"{where} : le fichier {cause}", SAVE_AS)
    if lacking := [column for column in columns if column not in header]:
        blank = " ; une case de la première ligne est vide" if "" in header else ""
        named = ", ".join(f"« {column} »" for column in lacking)
        raise FormError(f"{where} : en-tête absent : {named}{blank}", f"remettez-le dans la première ligne, {SAVE_AS}")
    rows = []
    for number, line in enumerate(lines, 2):
        if any(line[len(header) :]):
            remedy = f"mettez entre guillemets le texte qui contient une virgule, ou {SAVE_AS}"
            raise FormError(f"{where}, ligne {number} : plus de cases que d’en-têtes ({len(header)})", remedy)
        if line:
            rows.append(dict(zip(header, [*line, *[""] * (len(header) - len(line))], strict=False)))
    return rows


def read_sheet(form: str, sheet: str, folder: Path) -> Rows:
    """One sheet of a form, with at least one row."""
    path = folder / form / f"{sheet}.csv"
    rows = read_rows(path, ESSENTIAL[sheet])
    if not rows:
        raise FormError(f"{form}/{path.name} : aucune ligne sous les en-têtes", "remettez les lignes de cette feuille")
    return rows


def refused(form: str, survey: Rows, error: PyXFormError) -> FormError:
    """What pyxform said, with the form and the question; its own words are kept, for they can be looked up."""
    said = " ".join(str(error).split())
    return FormError(f"fiche {form} : pyxform refuse {_where(survey, said)} : {said}", REMEDY)


def _where(survey: Rows, said: str) -> str:
    """The question that a message of pyxform is about: it gives a row of the sheet, or quotes what it refuses."""
    if found := re.search(r"\[row : (\d+)\]", said):
        number = int(found[1])
        rows = [(number, survey[number - 2])] if 2 <= number < len(survey) + 2 else []
    else:
        quoted = set(re.findall(r"'([^']+)'", said))
        rows = [(number, row) for number, row in enumerate(survey, 2) if quoted & {row["type"], row["name"]}][:1]
        number = rows[0][0] if rows else 0
    name = next((row["name"] or row["type"] for _, row in rows), "")
    if not number:
        return "le formulaire"
    return f"la ligne {number} de survey ({name})" if name else f"la ligne {number}"
