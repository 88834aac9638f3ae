"""The command line, `kobo-sync`. Exit codes: 0 done, 1 failed, 2 wrong use, 3 done but some records need people."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from kobo_sync import __version__
from kobo_sync.cli_attachments import register as register_attachments
from kobo_sync.cli_audit import register as register_audit
from kobo_sync.cli_backup import register as register_backup
from kobo_sync.cli_doctor import register as register_doctor
from kobo_sync.cli_erase import register as register_erase
from kobo_sync.cli_forms import DEFAULT_CONFIG, ConfigOption, err, forms_app, out
from kobo_sync.cli_geo import geo_app
from kobo_sync.cli_keys import register as register_keys
from kobo_sync.cli_nightly import register as register_nightly
from kobo_sync.cli_pull import register as register_pull
from kobo_sync.cli_show import register as register_show
from kobo_sync.errors import ConfigError, KoboSyncError
from kobo_sync.terminal import terminal_text

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback with local values would print answers of cases
    help="Statistiques de l’ANLTP/TIM sur la traite des personnes et le trafic illicite de migrants.",
)
report_app = typer.Typer(no_args_is_help=True, help="Écrire le fichier d’une période.")
app.add_typer(forms_app, name="forms")
app.add_typer(report_app, name="report")
app.add_typer(geo_app, name="geo")
register_keys(app)
register_nightly(app)
register_pull(app)
register_backup(app)
register_erase(app)
register_doctor(app)
register_show(app)
register_audit(app)
register_attachments(app)

LangOption = Annotated[str, typer.Option("--lang", help="Langue du résumé : fr ou en.")]


def _now(zone: str) -> datetime:
    return datetime.now(ZoneInfo(zone))


@contextmanager
def _steps() -> Iterator[Progress]:
    """A spinner that says what is under way; nothing on a pipe or in a log."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        yield progress


@app.command()
def version() -> None:
    """La version du logiciel."""
    out.print(__version__)


@app.command()
def run(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="Le compte rendu en JSON, pour une supervision.")] = False,
    confirm_deletions: Annotated[
        bool, typer.Option("--confirm-deletions", help="Accepter une baisse inhabituelle du nombre de fiches.")
    ] = False,
    lang: LangOption = "fr",
) -> None:
    """Le travail de nuit : tirer les fiches, recalculer, écrire les périodes closes."""
    from kobo_sync.config import load_config
    from kobo_sync.run import run as nightly_job
    from kobo_sync.show import print_run

    settings = load_config(config)
    with _steps() as progress:
        task = progress.add_task("Démarrage")
        report = nightly_job(
            settings,
            now=_now(settings.timezone),
            step=lambda text: progress.update(task, description=text),
            confirm_deletions=confirm_deletions,
        )
    if as_json:
        typer.echo(json.dumps(report.as_json(), ensure_ascii=False, indent=1))
    else:
        print_run(out, report, lang)
    raise typer.Exit(report.exit_code)


@app.command()
def rebuild(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Recalculer les tables à partir de ce qui est reçu, sans rien tirer."""
    from kobo_sync.config import load_config
    from kobo_sync.opened import opened_store
    from kobo_sync.rebuild import rebuild as rebuild_tables

    settings = load_config(config)
    with opened_store(settings) as (store, _), _steps() as progress:
        task = progress.add_task("Recalcul")
        report = rebuild_tables(
            store,
            settings,
            now=_now(settings.timezone),
            step=lambda text: progress.update(task, description=text),
        )
    out.print(f"{report.submissions} fiches recalculées, {report.quarantined} en quarantaine.")
    out.print("Les classeurs ne sont pas réécrits : kobo-sync report quarter PÉRIODE, ou kobo-sync run.")
    raise typer.Exit(3 if report.quarantined else 0)


@app.command()
def status(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Ce que contient la base, et ce qui attend une personne."""
    from kobo_sync.backup import last_backup
    from kobo_sync.config import load_config
    from kobo_sync.opened import opened_store
    from kobo_sync.recovery import needs_drill, recovery_notices
    from kobo_sync.retention import due
    from kobo_sync.show import print_status

    settings = load_config(config)
    with opened_store(settings, write=False) as (store, keys):
        print_status(out, store)
        lines = [*recovery_notices(settings, keys), *due(store, settings, _now(settings.timezone).date())]
        made = last_backup(settings)
        if made is not None:
            lines.append(f"Dernière sauvegarde : {made.astimezone(ZoneInfo(settings.timezone)):%d/%m/%Y à %H:%M}")
        elif needs_drill(settings, keys):
            lines.append("Aucune sauvegarde de cette base : kobo-sync backup")
        for line in lines:
            out.print(terminal_text(f"  • {line}"), markup=False, highlight=False, soft_wrap=True)


@app.command()
def decide(
    left: Annotated[str, typer.Argument(help="Premier code, tel que la feuille « Doublons » l’écrit.")],
    right: Annotated[str, typer.Argument(help="Second code.")],
    verdict: Annotated[str, typer.Argument(help="meme ou different")],
    by: Annotated[str, typer.Option("--by", help="Qui décide.")],
    reason: Annotated[str, typer.Option("--reason", help="Pourquoi, sans nom ni détail sur la personne.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Décider d’une paire de la feuille « Doublons » : la même personne (ou le même événement), ou non."""
    from kobo_sync.config import load_config
    from kobo_sync.decisions import decide_pair
    from kobo_sync.opened import opened_store

    verdicts = {"meme": "same", "même": "same", "different": "different", "différent": "different"}
    if verdict not in verdicts:
        raise typer.BadParameter("écrire meme ou different", param_hint="verdict")
    settings = load_config(config)
    with opened_store(settings) as (store, _):
        what = decide_pair(store, left, right, verdicts[verdict], by, reason, _now(settings.timezone))
    out.print(f"Décision notée ({what}) ; elle compte au prochain calcul : kobo-sync rebuild, ou kobo-sync run.")


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--folder", help="Où travailler (vidé au départ).")] = Path("demo-data"),
    output: Annotated[
        Path | None, typer.Option("--output", help="Où écrire les classeurs (outputs/ de ce dossier sinon).")
    ] = None,
    lang: LangOption = "fr",
) -> None:
    """Tout le travail sur cette machine, du téléphone au classeur, avec des cas inventés."""
    from kobo_sync.demo.play import play

    # Never among the real files: an invented figure must not replace one of Niger's.
    raise typer.Exit(play(folder, output or folder / "outputs", out, err, lang))


def _report(label: str, semester: bool, config: Path) -> None:
    from kobo_sync.config import load_config
    from kobo_sync.opened import opened_store
    from kobo_sync.outputs import read_frames, write_period
    from transforms.periods import parse_period

    period = parse_period(label)
    if period.is_semester is not semester:
        kind = "semester" if period.is_semester else "quarter"
        raise typer.BadParameter(f"« {label} » se demande par : kobo-sync report {kind} {period.label}")
    settings = load_config(config)
    with opened_store(settings) as (store, keys):
        path = write_period(
            store,
            settings,
            read_frames(store),
            period,
            pseudonym_key=keys.pseudonym,
            now=_now(settings.timezone),
        )
    out.print(f"Écrit : {path}", soft_wrap=True)


@report_app.command()
def quarter(period: str, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Le fichier consolidé d’un trimestre pour l’ANLTP, par exemple 2026-T3."""
    _report(period, False, config)


@report_app.command()
def semester(period: str, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Le classeur d’un semestre pour l’INS, par exemple 2026-S1."""
    _report(period, True, config)


def _complain(text: str) -> None:
    """Say what went wrong: the text may repeat a server, or a name that somebody else gave."""
    err.print(terminal_text(text), markup=False, soft_wrap=True)


def main() -> None:
    """Entry point: a message and an exit code for every error that the system raises on purpose."""
    from reports.save import FileInUse
    from transforms.errors import TransformError
    from transforms.periods import PeriodError

    logging.captureWarnings(True)  # a library's warning is no message for the user
    try:
        app()
    except ConfigError as error:
        _complain(str(error))
        raise SystemExit(2) from None
    except PeriodError as error:
        _complain(str(error))
        raise SystemExit(2) from None
    except (KoboSyncError, TransformError, FileInUse) as error:
        _complain(str(error))
        raise SystemExit(1) from None
    except OSError as error:
        where = f"« {error.filename} » : " if error.filename else ""
        _complain(f"{where}{error.strerror} — vérifiez le dossier, ses droits et le disque")
        raise SystemExit(1) from None
    except Exception as error:
        # Never the text of an unforeseen error: it may hold an answer of a case.
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        _complain(f"Erreur imprévue ({type(error).__name__}, {where}) : à signaler avec cette ligne.")
        raise SystemExit(1) from None
