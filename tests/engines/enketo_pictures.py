"""Photographs each page of each form in Enketo, as on a telephone, in French: `make pictures`.

The pictures go to `outputs/pictures/`, which is not committed. Each form is filled as in the tests, so that every page
of that way through it is seen; `page-01-vide` is the first page before anything is answered. Month before day in a
date is this browser's way, which knows English alone.
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.engines import enketo
from tests.enketo_fixture import blank
from tests.forms_fixture import KEY_CHILD, TRAFIC
from tests.forms_fixture_other import DECLARATION, FOURNISSEUR, SUIVI

OUT = Path(__file__).parents[2] / "outputs" / "pictures"
WAYS: dict[str, Mapping[str, Any]] = {
    "traite": KEY_CHILD,
    "trafic": TRAFIC,
    "suivi": SUIVI,
    "fournisseur": FOURNISSEUR,
    "declaration": DECLARATION,
}


def photograph(form: str, answers: Mapping[str, Any], folder: Path) -> list[Path]:
    """The pages of one way through a form, whole length."""
    folder.mkdir(parents=True)
    opened = blank(form)
    taken = [folder / "page-01-vide.png"]
    opened.picture(taken[0], whole=True)
    opened.fill(answers)
    opened.first_page()
    for number in range(1, opened.pages() + 1):
        taken.append(folder / f"page-{number:02}.png")
        opened.picture(taken[-1], whole=True)
        if number < opened.pages() and not opened.next_page():
            opened.picture(folder / f"page-{number:02}-refusee.png", whole=True)
            break
    return taken


def main() -> int:
    """Photograph every form anew."""
    if reason := enketo.unsupported():
        print(f"No pictures: {reason}")
        return 1
    shutil.rmtree(OUT, ignore_errors=True)
    for form, answers in WAYS.items():
        print(f"{form}: {len(photograph(form, answers, OUT / form))} pictures in {OUT / form}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
