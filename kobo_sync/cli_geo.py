"""`kobo-sync geo …`: the list of regions, departments and communes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kobo_sync.cli_forms import err, out

geo_app = typer.Typer(no_args_is_help=True, help="La liste des régions, départements et communes.")


@geo_app.callback()
def group() -> None:
    """Makes `import` a command of its own even while it is the only one."""


@geo_app.command("import")
def import_list(
    file: Annotated[Path, typer.Argument(help="Liste officielle, en CSV ou XLSX.")],
    write: Annotated[bool, typer.Option("--write", help="Remplacer la liste ; sinon rien n’est écrit.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Accepter que des lieux aient disparu de la liste.")] = False,
) -> None:
    """Comparer une liste officielle plus récente avec la nôtre, et dire ce qui change ; l’écrire avec --write."""
    from kobo_sync import forms, geo_import, geo_read
    from transforms import places

    def say(text: str) -> None:
        out.print(text, markup=False, highlight=False, soft_wrap=True)

    current = places.all_places()
    listed = geo_read.read_list(file, current)
    if found := geo_import.problems(listed, current):
        err.print(f"{file.name} : {len(found)} erreur(s), rien n’est écrit", markup=False, highlight=False)
        for line in found[:50]:
            err.print(f"  • {line}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1)
    result = geo_import.compare(listed, current)
    kept = {"Autres noms déjà connus (le nôtre est gardé)": result.other_names} if result.other_names else {}
    for heading, lines in (result.changes | kept).items():
        say(f"{heading} : {len(lines)}")
        for line in lines:
            say(f"  • {line}")
    if result.spellings:
        say(f"Autres graphies de noms connus (la nôtre est gardée) : {result.spellings}")
    if not result.changes:
        say("Rien à changer : la liste est la même.")
    elif not write:
        say("Rien n’est écrit. Pour remplacer la liste : la même commande avec --write.")
    if result.vanished and not yes:
        err.print(
            "Des lieux ont disparu de la liste : relisez-les, puis ajoutez --yes pour l’accepter.", soft_wrap=True
        )
    if not write:
        return
    if result.vanished and not yes:
        raise typer.Exit(1)
    written = geo_import.write(result.places, places.PATH, forms.FOLDER / "places.csv")
    for path in written:
        say(f"Écrit : {path}")
    if written:
        say("À faire ensuite : kobo-sync forms check, puis kobo-sync forms deploy pour que les téléphones l’aient.")
