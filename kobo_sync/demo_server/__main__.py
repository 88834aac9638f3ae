"""`python -m kobo_sync.demo_server --data FILE`."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path

from starlette.middleware import Middleware

from kobo_sync.demo_server import User, run
from kobo_sync.demo_server.faults import FAULTS, LISTS, Fault, FaultBoard, Faults


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
        help="compte à créer ou à mettre à jour ; peut être répété ; un compte superuser, comme sur un vrai serveur, "
        "ne peut pas envoyer de fiches (403 sur /submission) : donnez un second compte, avec le droit d'envoyer",
    )
    parser.add_argument("--page-default", type=int, default=100, help="taille de page quand rien n'est demandé")
    parser.add_argument("--page-max", type=int, default=1000, help="taille de page la plus grande")
    parser.add_argument(
        "--fault", metavar="NOM", choices=[*FAULTS], help=f"panne à simuler, parmi : {', '.join(FAULTS)}"
    )
    parser.add_argument("--fault-path", default=LISTS, metavar="MOTIF", help="adresses touchées (expression régulière)")
    parser.add_argument("--fault-first", type=int, default=1, metavar="N", help="à partir de la n-ième demande touchée")
    parser.add_argument("--fault-last", type=int, metavar="N", help="jusqu’à la n-ième ; sans fin si absent")
    parser.add_argument("--fault-seconds", type=float, default=1.0, help="rythme, attente demandée ou décalage")
    parser.add_argument("--fault-amount", type=int, default=100, help="écart d’un nombre faux, ou taille de page")
    parser.add_argument("--fault-elsewhere", default=Fault.elsewhere, metavar="URL", help="but d’un renvoi")
    parser.add_argument("--fault-for", type=float, metavar="SECONDES", help="la panne cesse après cette durée")
    options = parser.parse_args()
    board = FaultBoard()
    if options.fault:
        board.set(
            Fault(
                options.fault,
                options.fault_path,
                options.fault_first,
                options.fault_last,
                options.fault_seconds,
                options.fault_elsewhere,
                options.fault_amount,
            )
        )
    if options.fault_for is not None:
        timer = threading.Timer(options.fault_for, board.lift)
        timer.daemon = True
        timer.start()
    run(
        options.data,
        options.port,
        users=options.user,
        page_default=options.page_default,
        page_max=options.page_max,
        url_file=options.url_file,
        middleware=[Middleware(Faults, board=board)],
    )


if __name__ == "__main__":
    main()
