"""What the command line prints of a run and of the store: numbers and codes, never an answer of a case."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kobo_sync.quarantine_words import waiting
from kobo_sync.run import NAMES_TO_ERASE, SHOWN_TO_OTHERS, RunReport
from kobo_sync.store import Store
from kobo_sync.terminal import terminal_text
from kobo_sync.words import word
from transforms.derived_tables import TABLES
from transforms.follow_ups import WAITING
from transforms.quality import TO_ERASE
from transforms.sender import MISPLACED

PULL_LINES = ("received", "new", "changed", "status_changed", "deleted", "reappeared", "fetched_bodies")
REBUILD_LINES = (
    "persons", "linked_persons", "linked_events", "pairs_to_decide", "follow_ups", "declarations", "provider_entries",
)  # fmt: skip


def _number(value: int) -> str:
    return f"{value:,}".replace(",", "\u202f")


def run_table(reports: dict[str, RunReport], lang: str) -> Table:
    """One column a run, one line a number."""
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("")
    for title in reports:
        table.add_column(title, justify="right")
    for line in PULL_LINES:
        table.add_row(word(line, lang), *(_number(r.total(line)) for r in reports.values()))
    table.add_row(word("quarantined", lang), *(_number(quarantined(r)) for r in reports.values()))
    for line in REBUILD_LINES:
        table.add_row(
            word(line, lang), *(_number(getattr(r.rebuilt, line)) if r.rebuilt else "–" for r in reports.values())
        )
    table.add_row(word("written", lang), *(_number(len(r.written)) for r in reports.values()))
    return table


def quarantined(report: RunReport) -> int:
    """Submissions that wait in quarantine after a run, at whatever stage they were stopped."""
    return report.total("quarantined") + (report.rebuilt.quarantined if report.rebuilt else 0)


def print_run(out: Console, report: RunReport, lang: str, title: str = "") -> None:
    """The short summary of one run, then its files, what waits for a person and what failed."""
    if report.pulls:
        out.print(run_table({title: report}, lang))
    print_files(out, report)
    for key, lines in (("for_people", report.for_people), ("problems", report.problems)):
        if lines:
            out.print(f"\n[bold]{word(key, lang)}[/bold]")
            for line in lines:
                out.print(terminal_text(f"  • {line}"), markup=False, soft_wrap=True)


def print_files(out: Console, report: RunReport) -> None:
    """The files written, one a line."""
    here = Path.cwd()
    for path in report.written:
        shown = path.relative_to(here) if path.is_relative_to(here) else path
        out.print(f"  {shown}", markup=False, highlight=False, soft_wrap=True)


KINDS = {
    "events": "cas", "followups": "suivi(s)", "declarations": "déclaration(s)",
    "provider_entries": "fiche(s) du registre",
}  # fmt: skip
"""The derived tables that hold one row a submission, in words."""


def _waiting(store: Store) -> list[tuple[int, str]]:
    """What waits for a person, beside the quarantine."""

    def count(table: str, where: str) -> int:
        return int(store.frame(f"SELECT count(*) AS n FROM {table} WHERE {where}")["n"].iloc[0])

    return [
        (
            count("links", "decision = 'ask'"),
            "paire(s) à décider (codes : feuille « Doublons ») : "
            'kobo-sync decide CODE CODE meme|different --by QUI --reason "…"',
        ),
        (
            count("quality", "severity = 'blocking'"),
            "fiche(s) arrêtée(s) par une règle bloquante (feuille « Qualité »)",
        ),
        (count("quality", f"rule IN {TO_ERASE}"), NAMES_TO_ERASE),
        (count("quality", f"rule = '{MISPLACED}'"), SHOWN_TO_OTHERS),
        (count("quality", "severity = 'error'"), "erreur(s) à corriger dans Kobo (feuille « Qualité »)"),
        (count("events", "review = 'to_confirm'"), "fiche(s) modifiée(s) depuis leur approbation, à confirmer"),
        (count("events", "review = 'on_hold'"), "fiche(s) en attente d’une décision"),
        (
            count("followups", f"state IN {WAITING}"),
            "suivi(s) en attente : cas inconnu, ou confirmation à vérifier (feuille « Qualité »)",
        ),
        (count("events", "detection_date IS NULL AND counted"), "fiche(s) sans date, hors de toute période"),
    ]


def print_status(out: Console, store: Store) -> None:
    """What the store holds, and each submission in quarantine with its reason and the next step."""
    stamp = store.stamp()
    if not stamp:
        out.print("La base est vide : kobo-sync run")
        return
    versions = f"code {stamp['code_version']} ; listes {stamp['code_list_version']}"
    out.print(f"{stamp['submissions']} fiches lues ; {versions}")
    if not set(TABLES) <= store.derived_tables():
        out.print("Les tables ont été calculées par une version plus ancienne : kobo-sync rebuild")
        return
    kinds = " UNION ALL ".join(f"SELECT '{words}', count(*) FROM {table}" for table, words in KINDS.items())
    held = store.frame(kinds).itertuples(index=False)
    out.print("Dont " + " ; ".join(f"{number} {words}" for words, number in held), soft_wrap=True)
    for number, words in _waiting(store):
        if number:
            out.print(f"  • {number} {words}", markup=False, highlight=False, soft_wrap=True)
    rows = waiting(store)
    if not rows:
        out.print("Aucune fiche en quarantaine.")
        return
    table = Table("Fiche", "Cas", "Motif", "Message", title="En quarantaine : corriger dans Kobo, puis kobo-sync run")
    for row in rows:
        table.add_row(*(Text(terminal_text(cell), overflow="fold") for cell in row))
    out.print(table)
