"""Writes the two pages that are tables of our questions, so that they cannot say other words than the forms.

python docs/pages.py

`htcds.md` comes from `htcds_crosswalk.csv`, `dimensions-ictip.md` from `transforms/data/ictip_dimensions.csv`; the
French labels come from the forms.
"""

from __future__ import annotations

import csv
import sys
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kobo_sync import forms
from kobo_sync.form_languages import FRENCH
from transforms.dimensions import SMUGGLING, Dimension, dimensions

DOCS = Path(__file__).resolve().parent
CROSSWALK = DOCS / "htcds_crosswalk.csv"
COMPONENTS = {
    "R": "L’entité déclarante",
    "E": "L’événement",
    "V": "La victime",
    "P": "L’auteur",
    SMUGGLING: "Le trafic illicite de migrants (hors ICS-TIP)",
}

HTCDS = """\
# Nos questions et celles de HTCDS

*Page écrite par `python docs/pages.py` à partir de `htcds_crosswalk.csv` et des fiches : ne pas la corriger ici.*

Le *Human Trafficking Case Data Standard* (HTCDS) de l’OIM décrit les données d’un cas de traite. Cette page dit, pour
chacun de ses champs, quelle question de nos fiches y répond, ou pourquoi aucune n’y répond. **Un champ sans question
n’est pas un oubli** : HTCDS sert à suivre une personne dans un service, nos fiches à compter sans l’exposer.

Source : HTCDS 2.0, OIM, <https://github.com/UNMigration/HTCDS>, licence [CC BY
4.0](https://creativecommons.org/licenses/by/4.0/). L’OIM n’a ni vu ni approuvé cette page. Les champs centraux sont
ceux de son formulaire (`Toolkit/Survey/htcds_xlsform.xml`) ; les autres, ceux de sa référence des champs et de son
historique des versions (champs sans nom technique : connus par leur seul libellé). Traduction des libellés et
remarques : ce projet.
"""
ICTIP = """\
# Nos questions, par dimension de l’ICS-TIP

*Page écrite par `python docs/pages.py` à partir de `transforms/data/ictip_dimensions.csv` et des fiches : ne pas la
corriger ici.*

La norme internationale ICS-TIP décrit quatre choses : l’événement, la victime, l’auteur et l’entité déclarante. Ses
tables de codes officielles ne sont pas encore entre nos mains ; les codes sont ceux de ce projet, et la colonne
`ictip_code` de `transforms/data/code_lists.csv` les attend. Chaque dimension a sa question, ou la raison pour
laquelle elle n’en a pas.
"""


@cache
def questions() -> dict[str, str]:
    """French label of every question of the forms, by `form.question`."""
    return {
        f"{form}.{row['name']}": row.get(f"label::{FRENCH}") or ""
        for form in forms.FORMS
        for row in forms.expand(form)[0]["survey"]
        if row.get("name")
    }


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of the crosswalk; a question is written `form.question` there, several with a space between."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def asked(names: str) -> str:
    """What a cell says of the questions named in it: their labels, with form and name. KeyError for an unknown one."""
    said = (f"{questions()[name].split(chr(10))[0]} (`{name}`)".lstrip() for name in names.split())
    return "<br>".join(said) or "—"


def table(header: tuple[str, ...], lines: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    cells = [header, ("---",) * len(header), *lines]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in cells) + "\n"


def htcds() -> str:
    """The page of the crosswalk to HTCDS."""
    page = HTCDS
    for core, title in (("oui", "Les champs centraux"), ("non", "Les autres champs")):
        found = [row for row in rows(CROSSWALK) if row["core"] == core]
        answered = sum(bool(row["questions"]) for row in found)
        page += f"\n## {title}\n\n{len(found)} champs : {answered} ont une question, "
        page += f"{len(found) - answered} une raison de ne pas en avoir.\n\n"
        page += table(
            ("champ HTCDS", "notre question", "remarque, ou raison"),
            [
                ((f"`{row['field']}` " if row["field"] else "") + row["label"], asked(row["questions"]), row["note"])
                for row in found
            ],
        )
    return page


def ictip() -> str:
    """The page of the dimensions of ICS-TIP."""
    page = ICTIP
    for component, title in COMPONENTS.items():
        lines = [
            (d.label, asked(where(d)) if d.questions else f"— {d.why_not}")
            for d in dimensions()
            if d.component == component
        ]
        page += f"\n## {title}\n\n" + table(("dimension", "notre question, ou pourquoi il n’y en a pas"), lines)
    return page


def where(dimension: Dimension) -> str:
    """Its questions as `form.question`, in each of its forms that asks them."""
    named = (f"{form}.{question}" for question in dimension.questions for form in dimension.forms)
    return " ".join(name for name in named if name in questions())


def main() -> None:
    """Write both pages."""
    (DOCS / "htcds.md").write_text(htcds(), encoding="utf-8")
    (DOCS / "dimensions-ictip.md").write_text(ictip(), encoding="utf-8")


if __name__ == "__main__":
    main()
