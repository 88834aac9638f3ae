"""Whether the forms agree with what reads them: the mapping table, the code lists, row permissions, the exports.

A form that passes pyxform can still lose answers: a question that no line of the mapping reads, a choice that the
code list lacks, a calculate that Kobo's row permissions look for elsewhere, two columns that Stata cuts to one name.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from kobo_sync import form_sources, forms
from kobo_sync.form_names import FORMS
from kobo_sync.forms_lint import Problem, Rows
from transforms import codelists, mapping_targets, reading

FILTERED = ("region_decl", "famille_entite")
"""What row permissions filter on: top level, before the first repeat, under one name in every form."""

EARLIER = "earlier release"
"""How the note of a mapping line begins when only older phones still send that question."""

NAME_LENGTH, SHEET_LENGTH = 32, 31
"""What Stata keeps of a variable's name, and Excel of a sheet's."""

NO_ANSWER = ("note", "begin_group", "end_group", "begin_repeat", "end_repeat", "csv-external", "xml-external")
COMPUTED = ("calculate", "hidden")
TYPES = {
    "code": ("select_one", *COMPUTED),
    "codes": ("select_multiple", *COMPUTED),
    "answer": ("select_one", *COMPUTED),
    "place": ("select_one_from_file", *COMPUTED),
    "int": ("integer", *COMPUTED),
    "date": ("date", "start", "end", "today", *COMPUTED),
}
"""Types of question that a kind of the mapping table can read; a kind that is not named here reads any."""

ANSWERS = {"oui", "non", "nsp", "ref"}
Faults = Iterator[tuple[str, str]]
Asked = Mapping[tuple[str, str], tuple[str, str]]
"""(repeat or '', question) to (type, its list or file)."""
Lines = Mapping[tuple[str, str], dict[str, str]]
"""(repeat or '', question) to the line of the mapping table."""


def agree(folder: Path = forms.FOLDER, mapping: Rows | None = None) -> list[Problem]:
    """Every disagreement of the forms in `folder` with what reads them; empty when there is none."""
    lines = mapping_lines() if mapping is None else mapping
    surveys = {form: forms.expand(form, folder)[0]["survey"] for form in FORMS}
    problems = [
        problem
        for form, survey in surveys.items()
        for problem in form_problems(form, survey, read_markers(form, folder), lines)
    ]
    lost = [
        Problem(
            line["form"],
            line["question"],
            f"mapping.csv range cette réponse sous « {line['target']} », que rien ne lit",
        )
        for line in mapping_targets.unread(lines)
    ]
    return problems + lost + filtered_problems(surveys)


def mapping_lines() -> Rows:
    """The mapping table with its notes."""
    with reading._TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_markers(form: str, folder: Path) -> Rows:
    """The rows of `choices.csv` as written, which say what code list each list is made from."""
    return form_sources.read_sheet(form, "choices", folder)


def form_problems(form: str, survey: Rows, markers: Rows, mapping: Rows) -> list[Problem]:
    """Disagreements of one form: its questions and lists with the lines of the mapping, its names with the exports."""
    lines = {(row["repeat"], row["question"]): row for row in mapping if row["form"] == form}
    asked = questions(survey)
    faults = [
        *_mapped(asked, lines),
        *_kinds(asked, lines),
        *_levels(survey, lines),
        *_lists(asked, lines, markers),
        *_names(survey, markers),
    ]
    return [Problem(form, where, message) for where, message in faults]


def questions(survey: Rows) -> dict[tuple[str, str], tuple[str, str]]:
    """(repeat or '', question) to (type, its list or file) for everything that can hold an answer."""
    found, inside = {}, [""]
    for row in survey:
        kind, _, rest = row["type"].strip().partition(" ")
        if kind == "begin_repeat":
            inside.append(row["name"])
        elif kind == "end_repeat":
            inside.pop()
        elif kind and kind not in NO_ANSWER:
            found[(inside[-1], row["name"])] = (kind, rest.strip())
    return found


def filtered_problems(surveys: Mapping[str, Rows]) -> list[Problem]:
    """What row permissions filter on, if it is not at its place in some form: its rows would be seen by nobody."""
    problems = []
    for form, survey in surveys.items():
        depth, found = 0, set()
        for row in survey:
            if row["type"].startswith("begin_repeat"):
                break
            depth += row["type"].startswith("begin_") - row["type"].startswith("end_")
            if depth == 0:
                found.add(row["name"])
        for name in FILTERED:
            if name not in found:
                message = "les droits par région et famille lisent cette question au premier niveau, avant les séries"
                problems.append(Problem(form, name, message))
    return problems


def _mapped(asked: Asked, lines: Lines) -> Faults:
    for repeat, name in sorted(set(asked) - set(lines)):
        yield name, f"aucune ligne de mapping.csv ne lit cette question{_of(repeat)}"
    for repeat, name in sorted(set(lines) - set(asked)):
        if not lines[repeat, name]["note"].startswith(EARLIER):
            yield name, f"mapping.csv lit cette question{_of(repeat)}, qui n’est pas dans le formulaire"


def _of(repeat: str) -> str:
    return f" (série {repeat})" if repeat else ""


def _kinds(asked: Asked, lines: Lines) -> Faults:
    for key, (kind, rest) in asked.items():
        line = lines.get(key)
        if line is None:
            continue
        if kind not in TYPES.get(line["kind"], (kind,)):
            yield key[1], f"mapping.csv lit « {line['kind']} », la question est « {kind} »"
        elif line["kind"] == "place" and kind == "select_one_from_file" and rest != "places.csv":
            yield key[1], f"mapping.csv lit un lieu, la question lit {rest}"


def _levels(survey: Rows, lines: Lines) -> Faults:
    """A question that offers one level of places must be read as that level."""
    read = {question: line["variable"] for (_, question), line in lines.items() if line["kind"] == "place"}
    for row in survey:
        offered = re.search(r"level *= *'(\w+)'", row["choice_filter"])
        if offered and row["name"] in read and read[row["name"]] != offered[1]:
            yield row["name"], f"la question offre le niveau {offered[1]}, mapping.csv lit {read[row['name']]}"


def _lists(asked: Asked, lines: Lines, markers: Rows) -> Faults:
    """The list of a question must be the code list by which its answers are read."""
    for key, (kind, listed) in asked.items():
        line = lines.get(key)
        if line is None or kind not in ("select_one", "select_multiple"):
            continue
        rows = [row for row in markers if row["list_name"] == listed]
        sources = {row["from_codelist"] for row in rows} - {""}
        written = {row["name"] for row in rows if not row["from_codelist"]}
        if line["kind"] == "answer":
            offered = written | {code for row in rows if row["from_codelist"] for code in _offered(row)}
            if extra := sorted(offered - ANSWERS):
                yield key[1], f"mapping.csv lit oui, non, nsp ou ref, mais la liste {listed} offre {', '.join(extra)}"
        elif line["kind"] in ("code", "codes"):
            variable = line["variable"]
            if variable not in codelists.variables():
                yield key[1], f"mapping.csv : la liste de codes « {variable} » n’existe pas"
                continue
            if sources and sources != {variable}:
                yield key[1], f"la liste {listed} vient de {', '.join(sorted(sources))}, mapping.csv lit {variable}"
            if unknown := sorted(written - set(codelists.codes(variable))):
                yield key[1], f"{', '.join(unknown)} : choix de la liste {listed}, absent de la liste {variable}"


def _offered(marker: Mapping[str, str]) -> list[str]:
    excluded = marker["exclude"].split()
    return [code for code in codelists.codes(marker["from_codelist"]) if code not in excluded]


def _names(survey: Rows, markers: Rows) -> Faults:
    """Exports make one column a question, one more a choice of several, and one sheet a repeat."""
    offered: dict[str, list[str]] = {}
    for row in markers:
        offered.setdefault(row["list_name"], []).extend(_offered(row) if row["from_codelist"] else [row["name"]])
    columns = []
    for (_, name), (kind, listed) in questions(survey).items():
        if len(name) > NAME_LENGTH:
            yield name, f"nom de plus de {NAME_LENGTH} caractères : Stata le coupe"
        columns.append(name)
        if kind == "select_multiple":
            columns += [f"{name}_{code}" for code in offered.get(listed, [])]
    cut = Counter(column[:NAME_LENGTH].lower() for column in columns)
    for column in columns:
        if cut[column[:NAME_LENGTH].lower()] > 1:
            yield column, f"même nom qu’une autre colonne une fois coupé à {NAME_LENGTH} caractères (Stata)"
    for row in survey:
        if row["type"].startswith("begin_repeat") and len(row["name"]) > SHEET_LENGTH:
            yield row["name"], f"nom de plus de {SHEET_LENGTH} caractères : Excel coupe celui de la feuille"
