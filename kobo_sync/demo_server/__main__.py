"""`python -m kobo_sync.demo_server --data FILE`."""

from __future__ import annotations

import argparse
from pathlib import Path

from kobo_sync.demo_server import User, run


def main() -> None:
    """Read the command line and serve until stopped."""
    parser = argparse.ArgumentParser(
        prog="python -m kobo_sync.demo_server", description="Serveur de démonstration compatible KoboToolbox."
    )
    parser.add_argument("--data", type=Path, required=True, help="fichier SQLite du serveur (créé au besoin)")
    parser.add_argument("--port", type=int, default=0, help="port d'écoute sur 127.0.0.1 ; 0 : un port libre")
    parser.add_argument("--url-file", type=Path, help="fichier où écrire l'adresse dès que le serveur écoute")
    parser.add_argument(
        "--user",
        action="append",
        type=User.parse,
        default=[],
        metavar="NOM:MOT_DE_PASSE:JETON[:superuser]",
        help="compte à créer ou à mettre à jour ; peut être répété",
    )
    parser.add_argument("--page-default", type=int, default=100, help="taille de page quand rien n'est demandé")
    parser.add_argument("--page-max", type=int, default=1000, help="taille de page la plus grande")
    options = parser.parse_args()
    run(
        options.data,
        options.port,
        users=options.user,
        page_default=options.page_default,
        page_max=options.page_max,
        url_file=options.url_file,
    )


if __name__ == "__main__":
    main()
