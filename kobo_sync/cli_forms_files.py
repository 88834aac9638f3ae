"""`kobo-sync forms translations …`, `paper`, `guides`: what goes to people as files, and comes back from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

out = Console()
err = Console(stderr=True)

translations_app = typer.Typer(no_args_is_help=True, help="Faire traduire les formulaires par un classeur.")


@translations_app.command("export")
def export_translations(
    file: Annotated[Path, typer.Argument(help="Classeur XLSX à écrire.")],
    language: Annotated[str, typer.Option("--language", "-l", help="ha, dje, taq, ff, kr ou ar.")],
) -> None:
    """Écrire le classeur d’une langue : un texte par ligne, avec les traductions déjà faites."""
    from kobo_sync import form_translations_book as book
    from kobo_sync.form_languages import LANGUAGES

    if language not in LANGUAGES:
        raise typer.BadParameter(f"« {language} » : une langue parmi {', '.join(LANGUAGES)}", param_hint="--language")
    try:
        number = book.export(file, language)
    except book.NotATranslation as error:
        err.print(str(error), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    _say(f"{file} : {number} textes en {LANGUAGES[language]}")


@translations_app.command("import")
def import_translations(file: Annotated[Path, typer.Argument(help="Classeur rendu par le traducteur.")]) -> None:
    """Reprendre un classeur : les lignes justes sont gardées, les autres dites avec leur numéro et la raison."""
    from kobo_sync import form_translations_import as back
    from kobo_sync.form_languages import LANGUAGES

    try:
        report = back.take_back(file)
    except back.NotATranslation as error:
        err.print(str(error), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    for kind, rows in (("refusée", report.refused), ("à relire", report.reread)):
        for number, key, reason in rows:
            err.print(f"ligne {number} ({key}), {kind} : {reason}", markup=False, highlight=False, soft_wrap=True)
    _say(
        f"{LANGUAGES[report.language]} : {report.kept} textes repris ({report.changed} nouveaux ou changés), "
        f"{report.empty} pas encore traduits, {len(report.refused)} refusés, {len(report.reread)} à relire"
    )
    if report.left:
        _say(f"{report.left} cases vides d’un texte déjà traduit : la traduction reprise avant reste")
    if report.missing:
        _say(
            f"{report.missing} lignes manquent dans ce classeur (ôtées, ou ajoutées aux fiches depuis l’export) : "
            "ce qui en était traduit est gardé, le reste attend ; un nouvel export, sous un autre nom, les contient"
        )
    if report.refused:
        _say(f"Corrigez les lignes refusées dans {file.name} même, puis importez-le à nouveau.")
    raise typer.Exit(3 if report.refused else 0)


def print_paper(
    out_folder: Annotated[Path, typer.Option("--out", help="Dossier des fichiers.")] = Path("outputs/papier"),
    codes: Annotated[
        int, typer.Option("--codes", min=0, max=1000, help="Exemplaires numérotés de chaque fiche de cas.")
    ] = 0,
    form: Annotated[
        list[str] | None, typer.Option("--form", help="Une seule fiche ; à répéter pour plusieurs.")
    ] = None,
) -> None:
    """Écrire les fiches papier (PDF et DOCX) : deux pages au plus, une annexe, des codes émis et vérifiables."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from kobo_sync import form_paper_files
    from kobo_sync.form_names import FORMS

    if unknown := set(form or ()) - set(FORMS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))} : une fiche parmi {', '.join(FORMS)}")
    today = datetime.now(ZoneInfo("Africa/Niamey")).date()
    for path in form_paper_files.write(out_folder, codes, today, form or FORMS):
        _say(str(path))


def print_guides(
    out_folder: Annotated[Path, typer.Option("--out", help="Dossier des fichiers.")] = Path("outputs/guides"),
) -> None:
    """Écrire les guides de terrain en PDF : deux pages A4 par fiche, à imprimer recto verso."""
    from kobo_sync import form_guides
    from kobo_sync.form_names import FORMS

    out_folder.mkdir(parents=True, exist_ok=True)
    for form in FORMS:
        path = out_folder / f"guide-{form}.pdf"
        path.write_bytes(form_guides.pdf(form))
        _say(str(path))


def _say(text: str) -> None:
    out.print(text, markup=False, highlight=False, soft_wrap=True)
