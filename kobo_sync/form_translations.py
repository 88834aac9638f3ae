"""Translations of the forms: what there is to translate, what is translated, and the languages a form gets of it.

A translation is a row of `xlsforms/translations/<language>.csv`: `key`, `french` (the text it translates), `text` and
the translator's `note`. It holds for as long as the form says the same in French. A form gets a language when every one
of its texts has a translation; a language begun and not finished stays out, and `forms check` says what is missing.

Keys: `traite/survey/v_sexe/label` for a question; `commun/hint/<digest of the French>` for a hint or message, which
many questions share; `liste/sex/F` for a code of the code list, which many forms share; `suivi/choices/LIST/NAME` for a
choice that a form adds of its own.
"""

import csv
import hashlib
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kobo_sync.form_languages import ENGLISH, FRENCH, IN_FRENCH, LANGUAGES
from kobo_sync.form_sources import read_rows, read_sheet
from transforms import codelists

Rows = list[dict[str, str]]

COLUMNS = ("label", "hint", "required_message", "constraint_message")
HEADER = ("key", "french", "text", "note")
KEEP = re.compile(r"\$\{\w+\}|\$\{|\*\*|^ *#+|<[^>]*>", re.MULTILINE)
"""What a translation must hold as the French does: answers to be filled in, bold, headings, tags."""
_FORMULA = "=+-@|%"


@dataclass(frozen=True)
class Place:
    """One cell of a form's sheets that has a text to translate."""

    key: str
    sheet: str
    row: int
    column: str
    french: str
    english: str


@dataclass(frozen=True)
class Translation:
    """A text in another language, with the French that it translates."""

    french: str
    text: str
    note: str = ""


Table = dict[str, Translation]
"""The translations of one language by key."""


def places(form: str, sheets: dict[str, Rows], folder: Path) -> Iterator[Place]:
    """Every text of a form's expanded sheets, in order; choices only of the lists that the form asks."""
    for number, row in enumerate(sheets["survey"]):
        for column in COLUMNS:
            if french := row.get(f"{column}::{FRENCH}", "").strip():
                english = row.get(f"{column}::{ENGLISH}", "").strip()
                key = f"commun/{column}/{_digest(french)}"
                if column == "label":
                    key = f"{form}/survey/{row['name']}/label"
                yield Place(key, "survey", number, column, french, english)
    asked = {row["type"].partition(" ")[2].split(" ")[0] for row in sheets["survey"]}
    variables = _variables(form, folder)
    for number, row in enumerate(sheets["choices"]):
        listed, name = row["list_name"], row["name"]
        if listed in asked:
            french, english = row[f"label::{FRENCH}"], row[f"label::{ENGLISH}"]
            variable = next((v for v in variables.get(listed, ()) if _asked(v, name) == french), None)
            key = f"liste/{variable}/{name}" if variable else f"{form}/choices/{listed}/{name}"
            yield Place(key, "choices", number, "label", french, english)


_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn")
_ALLOWED = "\n\u200c\u200d"
"""Line breaks, and the joiners that Arabic script is written with."""


def fault(french: str, text: str) -> str | None:
    """What forbids a translation, in French; None when it can be shown on a phone."""
    lost, added = _difference(french, text)
    if lost:
        return "perdu ou changé : " + ", ".join(lost) + " (à recopier tel quel)"
    if added:
        return "en trop : " + ", ".join(added)
    if set('"“”') & set(text):
        return 'le guillemet " bloque la fiche en ligne : écrire « »'
    if text.lstrip("\ufeff \t")[:1] in _FORMULA and french[:1] != text[:1]:
        return f"commence par « {text.lstrip()[:1]} » : un tableur y verrait une formule"
    if any(unicodedata.category(letter) in _HIDDEN and letter not in _ALLOWED for letter in text):
        return "contient un caractère invisible ou inconnu"
    if "](" in text or "](" in text.replace(" ", ""):
        return "contient un lien : une fiche n’en porte pas"
    return None


def read(language: str, folder: Path) -> Table:
    """The translations of a language; empty when it was never begun."""
    path = _path(language, folder)
    if not path.exists():
        return {}
    rows = read_rows(path, HEADER)
    return {row["key"]: Translation(row["french"], row["text"], row["note"]) for row in rows}


def write(language: str, table: Table, folder: Path) -> Path:
    """Store a language, sorted by key, so that a change shows as the lines that changed."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows((key, t.french, t.text, t.note) for key, t in sorted(table.items()))
    path = _path(language, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(out.getvalue(), encoding="utf-8", newline="")
    return path


class Reader:
    """Finds the translation of a place in one language's table."""

    def __init__(self, table: Table) -> None:
        self.table = {key: t for key, t in table.items() if fault(t.french, t.text) is None}
        self.same = {(_kind(key), t.french): t.text for key, t in self.table.items()}

    def text(self, place: Place) -> str | None:
        """The text, or None: missing, faulty, or of a French that has changed.

        A question not yet translated takes the words of another question that says the same in French, a choice those
        of another choice.
        """
        found = self.table.get(place.key)
        if found and found.french == place.french:
            return found.text
        return self.same.get((_kind(place.key), place.french))


def missing(language: str, there: Iterable[Place], folder: Path) -> set[tuple[str, str]]:
    """The texts that the language lacks, each once, as (kind, French)."""
    reader = Reader(read(language, folder))
    return {(_kind(place.key), place.french) for place in there if reader.text(place) is None}


def begun(folder: Path) -> list[str]:
    """Languages with at least one translation."""
    return [language for language in LANGUAGES if read(language, folder)]


def add(form: str, sheets: dict[str, Rows], folder: Path) -> dict[str, Rows]:
    """The sheets with the columns of each language that is complete for this form."""
    there = list(places(form, sheets, folder))
    sheets = {title: [dict(row) for row in rows] for title, rows in sheets.items()}
    for language in begun(folder):
        reader = Reader(read(language, folder))
        texts = [(place, reader.text(place)) for place in there]
        if any(text is None for _, text in texts):
            continue
        name = LANGUAGES[language]
        for title, columns in (("survey", COLUMNS), ("choices", ("label",))):
            for row in sheets[title]:
                row.update({f"{column}::{name}": "" for column in columns})
        for place, text in texts:
            sheets[place.sheet][place.row][f"{place.column}::{name}"] = text or ""
    return sheets


def unfinished(form: str, sheets: dict[str, Rows], folder: Path) -> list[tuple[str, str]]:
    """Languages begun and not complete for a form: (where, what), in French."""
    there = list(places(form, sheets, folder))
    total = len({(_kind(place.key), place.french) for place in there})
    said = []
    for language in begun(folder):
        if lacks := missing(language, there, folder):
            waiting = f"{len(lacks)} textes sur {total} à traduire, la langue n’est pas dans la fiche"
            said.append((f"translations/{language}.csv", f"{IN_FRENCH[language]} : {waiting}"))
    return said


def _path(language: str, folder: Path) -> Path:
    return folder / "translations" / f"{language}.csv"


def _asked(variable: str, code: str) -> str | None:
    """The code list's words for a choice; a form may have its own for the same code."""
    return codelists.asked(variable, code) if code in codelists.codes(variable) else None


def _kind(key: str) -> str:
    """`choices`, `label`, `hint` …: texts of one kind that say the same in French are translated alike."""
    parts = key.split("/")
    if parts[0] == "commun":
        return parts[1]
    return "label" if parts[1] == "survey" else "choices"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _variables(form: str, folder: Path) -> dict[str, list[str]]:
    """List of choices to the variables of the code list that it takes."""
    variables: dict[str, list[str]] = {}
    for row in read_sheet(form, "choices", folder):
        if row["from_codelist"]:
            variables.setdefault(row["list_name"], []).append(row["from_codelist"])
    return variables


def _difference(french: str, text: str) -> tuple[list[str], list[str]]:
    mine, theirs = (Counter(found.strip() for found in KEEP.findall(one)) for one in (french, text))
    return sorted((mine - theirs).elements()), sorted((theirs - mine).elements())
