"""The one list of codes: what forms offer, models accept and workbooks print.

The data is `data/code_lists.csv`, one row a code, in the order in which a form shows it. Columns: `variable`,
`code`, `ictip_code` (empty until the official ICS-TIP table is obtained: no other code passes for one),
`label_fr`, `label_en` (tables and workbooks), `parent` (the wider code of the same variable that a sub-form
counts in), `family` (of an entity type: who may see its records), `ask_fr`, `ask_en` (the wording on the
phone where it must say more than the label: who did the act, for instance), `status` (`source` or
`inferred`) and `origin` (the source followed).
"""

import csv
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PATH = Path(__file__).parent / "data" / "code_lists.csv"

VERSION = hashlib.sha256(PATH.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:10]
"""Ten hexadecimal digits of the list's content: a changed list gets a new version by itself."""


@dataclass(frozen=True, slots=True)
class Code:
    """One row of the list."""

    variable: str
    code: str
    ictip_code: str
    label_fr: str
    label_en: str
    parent: str
    family: str
    ask_fr: str
    ask_en: str
    status: str
    origin: str


@cache
def _lists() -> dict[str, dict[str, Code]]:
    lists: dict[str, dict[str, Code]] = {}
    with PATH.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            entry = Code(**row)
            lists.setdefault(entry.variable, {})[entry.code] = entry
    return lists


def variables() -> list[str]:
    """All variables, in file order."""
    return list(_lists())


def codes(variable: str) -> list[str]:
    """Codes of a variable in the order in which a form shows them. Raises KeyError for an unknown one."""
    return list(_lists()[variable])


def entry(variable: str, code: str) -> Code:
    """The whole row. Raises KeyError for an unknown variable or code."""
    return _lists()[variable][code]


def label(variable: str, code: str, lang: str = "fr") -> str:
    """Label for tables; an unknown code is returned as it is, so that it shows rather than disappears."""
    found = _lists()[variable].get(code)
    if found is None:
        return code
    return found.label_en if lang == "en" else found.label_fr


def labels(variable: str, lang: str = "fr") -> dict[str, str]:
    """Code to label, in list order. Raises KeyError for an unknown variable."""
    return {code: label(variable, code, lang) for code in codes(variable)}


def asked(variable: str, code: str, lang: str = "fr") -> str:
    """Wording of a code as a choice on the phone: the `ask_` text, or the label where that is enough."""
    found = entry(variable, code)
    wording = found.ask_en if lang == "en" else found.ask_fr
    return wording or label(variable, code, lang)


def parent(variable: str, code: str) -> str | None:
    """The wider code that a sub-form counts in (`wahaya` in `slavery`), or None."""
    return entry(variable, code).parent or None


def family(ent_type: str) -> str:
    """Family of a kind of body (`ent_family`): `justice_securite` or `protection`, or empty."""
    return entry("ent_type", ent_type).family
