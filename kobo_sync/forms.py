"""Builds the forms: sheets as text plus the code list give an XLSX that Kobo, Collect and Enketo accept.

A form is a folder of `xlsforms/` with `survey.csv`, `choices.csv` and `settings.csv`. Two things are written
once and filled in here:

- a row of `choices.csv` with `from_codelist` stands for all codes of that variable of the code list, less those
  named in `exclude` (space-separated);
- `@form_release` is the form's content version; what else begins with `@` in an expression is a macro of
  `form_macros` (`@label(variable, ${question})`, `@drawn_code(…)`).

Kobo rewrites a form's id and version, so the content version travels as the calculate `form_release`.
"""

import csv
import hashlib
import io
import json
import re
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Font
from pyxform.errors import PyXFormError
from pyxform.xls2xform import convert

from kobo_sync import form_audio, form_macros, form_sources, form_translations
from kobo_sync.csv_file import phones_csv
from kobo_sync.errors import FormError
from kobo_sync.form_names import FORMS as FORMS
from kobo_sync.form_typography import bound
from kobo_sync.forms_lint import ENGLISH, FRENCH, Problem, Rows, lint, validate
from kobo_sync.forms_lint_files import CONTACTS
from transforms import codelists, places

FOLDER = Path(__file__).parents[1] / "xlsforms"
SHEETS = ("survey", "choices", "settings")
SOURCES = "sources"
"""Where `check` puts a fault of files that cannot be read."""
PROVIDERS_HEADER = ("name", "label", "region", "family", "type", "nominative")


class Provider(Protocol):
    """What the phone must know of a provider; `config` supplies it."""

    code: str
    label: str
    region: str
    family: str
    type: str
    nominative: bool


@dataclass(frozen=True)
class BuildResult:
    """A built form: where it is, its content version, and what pyxform warned of."""

    path: Path
    form_release: str
    warnings: list[str]


def xlsx_path(form: str) -> Path:
    """The built file that is committed beside its sources."""
    return FOLDER / form / f"{form}.xlsx"


def build(form: str, folder: Path = FOLDER, out: Path | None = None) -> BuildResult:
    """Build one form from `folder/form/*.csv` into `out` (default: beside its sources).

    The same sources and code list give the same bytes. Raises FormError, which names the file, list or question.
    """
    sheets, release = expand(form, folder)
    path = out or folder / form / f"{form}.xlsx"
    content = _workbook(sheets)
    try:
        result = convert(io.BytesIO(content), file_type=".xlsx", validate=False)
    except PyXFormError as error:
        raise form_sources.refused(form, sheets["survey"], error) from error
    path.write_bytes(content)
    return BuildResult(path, release, list(result.warnings))


def check(form: str, folder: Path = FOLDER) -> list[Problem]:
    """Everything wrong with a form and its committed XLSX; an empty list when it can be deployed.

    pyxform (its warnings count), ODK Validate where Java is at hand, the rules of `forms_lint`, and the built
    file against its sources.
    """
    try:
        sheets, _ = expand(form, folder)
    except FormError as error:
        return [Problem(form, SOURCES, str(error))]
    content = _workbook(sheets)
    try:
        result = convert(io.BytesIO(content), file_type=".xlsx", validate=False)
    except PyXFormError as error:
        return [Problem(form, "pyxform", str(form_sources.refused(form, sheets["survey"], error)))]
    problems = [Problem(form, "pyxform", warning) for warning in result.warnings]
    problems += lint(form, sheets, result.xform, folder)
    problems += [Problem(form, *said) for said in form_audio.problems(form, sheets, folder)]
    problems += [Problem(form, *said, warning=True) for said in form_translations.unfinished(form, sheets, folder)]
    with tempfile.TemporaryDirectory() as scratch:
        xform = Path(scratch) / f"{form}.xml"
        xform.write_text(result.xform, encoding="utf-8")
        if complaint := validate(xform):
            problems.append(Problem(form, "ODK Validate", complaint))
    built = folder / form / f"{form}.xlsx"
    if not built.exists() or _cells(built.read_bytes()) != _cells(content):
        problems.append(Problem(form, built.name, "le fichier ne vient pas de ces sources : forms build"))
    return problems


def expand(form: str, folder: Path = FOLDER) -> tuple[dict[str, Rows], str]:
    """Sheets with code lists, labels and version filled in, and the version (`traite-` + 10 hex digits).

    Raises FormError.
    """
    sheets = {sheet: form_sources.read_sheet(form, sheet, folder) for sheet in SHEETS}
    sheets["choices"] = [row for marker in sheets["choices"] for row in _choices(form, marker)]
    sheets["survey"] = [
        {k: _filled(form, row["name"], k, v) if k in form_macros.EXPRESSIONS else v for k, v in row.items()}
        for row in sheets["survey"]
    ]
    sheets = form_audio.add(form, form_translations.add(form, sheets, folder), folder)
    said = {sheet: [_as_built(row) for row in rows] for sheet, rows in sheets.items()}
    digest = hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
    release = f"{form}-{digest[:10]}"
    for row in sheets["survey"]:
        row["calculation"] = row.get("calculation", "").replace("@form_release", f"'{release}'")
    for row in sheets["settings"]:
        row["version"] = row["version"].replace("@form_release", release)
    return sheets, release


def providers_csv(providers: Iterable[Provider]) -> bytes:
    """The forms' attachment `providers.csv`, which tells the phone a body's region, family and right to names."""
    rows = ((p.code, p.label, p.region, p.family, p.type, "oui" if p.nominative else "non") for p in providers)
    return _csv_bytes(PROVIDERS_HEADER, rows)


def media(providers: Iterable[Provider], form: str | None = None) -> dict[str, bytes]:
    """The files that travel with a form, by name: the same for every form, but for recordings, which some play."""
    written = {"providers.csv": providers_csv(providers), "places.csv": places.places_csv()}
    return written | {CONTACTS: phones_csv(FOLDER / CONTACTS)} | form_audio.media(FOLDER, form)


def _csv_bytes(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()


def _filled(form: str, question: str, column: str, expression: str) -> str:
    try:
        return form_macros.fill(expression)
    except (ValueError, KeyError) as error:
        where = f"fiche {form}, survey.csv, question {question}, colonne {column}"
        raise FormError(f"{where} : {error.args[0]}", "corrigez cette case (macros : form_macros.py)") from error


def _choices(form: str, marker: dict[str, str]) -> Rows:
    """The choices that one row of `choices.csv` stands for."""
    variable, excluded = marker["from_codelist"], marker["exclude"].split()
    labels = (f"label::{FRENCH}", f"label::{ENGLISH}")
    if not variable:
        return [{key: marker[key] for key in ("list_name", "name", *labels)}]
    where, remedy = f"fiche {form}, choices.csv, liste {marker['list_name']}", "voir transforms/data/code_lists.csv"
    try:
        known = codelists.codes(variable)
    except KeyError:
        raise FormError(f"{where} : la liste de codes « {variable} » n’existe pas", remedy) from None
    if unknown := sorted(set(excluded) - set(known)):
        raise FormError(f"{where} : exclude {', '.join(unknown)}, que la liste « {variable} » n’a pas", remedy)
    return [
        {
            "list_name": marker["list_name"],
            "name": code,
            labels[0]: codelists.asked(variable, code),
            labels[1]: codelists.asked(variable, code, "en"),
        }
        for code in known
        if code not in excluded
    ]


def _without_part(row: dict[str, str]) -> dict[str, str]:
    """A row without the column that only the paper form reads."""
    return {column: cell for column, cell in row.items() if column != "part"}


def _as_built(row: dict[str, str]) -> dict[str, str]:
    """A row as the workbook holds it: what is not said here does not change the version."""
    return {c: bound(cell) if c.endswith(FRENCH) else cell for c, cell in _without_part(row).items()}


def _workbook(sheets: dict[str, Rows]) -> bytes:
    """XLSX bytes that depend on the cells alone: no date, no compression (zlib versions differ)."""
    workbook = Workbook()
    del workbook["Sheet"]
    for title in SHEETS:
        sheet = workbook.create_sheet(title)
        columns = [
            c
            for c in _without_part(sheets[title][0])
            if c.startswith(form_audio.COLUMN) or any(row[c] for row in sheets[title])
        ]
        sheet.append(columns)
        for row in sheets[title]:
            built = _as_built(row)
            sheet.append([built[c] or None for c in columns])
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        sheet.freeze_panes = "A2"
        for cells in sheet.iter_cols(max_row=1):
            sheet.column_dimensions[cells[0].column_letter].width = 30
    raw = io.BytesIO()
    workbook.save(raw)
    return _undated(raw.getvalue())


def _cells(xlsx: bytes) -> dict[str, list[tuple[object, ...]]]:
    workbook = load_workbook(io.BytesIO(xlsx), read_only=True)
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in workbook.worksheets}


def _undated(xlsx: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx)) as source, zipfile.ZipFile(out, "w") as target:
        for name in sorted(source.namelist()):
            data = source.read(name)
            if name == "docProps/core.xml":
                data = re.sub(rb"\d{4}-\d\d-\d\dT[\d:.]+Z", b"2026-01-01T00:00:00Z", data)
            entry = zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0))
            entry.create_system = 3  # the writing system's number would otherwise differ on Windows
            target.writestr(entry, data)
    return out.getvalue()
