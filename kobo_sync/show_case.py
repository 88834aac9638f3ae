"""What `kobo-sync show` prints of a case: each of its submissions as it stands now, and its history."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kobo_sync.case_words import answer, asked, flat, order, plain, question, row_title
from kobo_sync.config import Config
from kobo_sync.find_case import Found, case_code_of
from kobo_sync.show_history import REVIEWS, history, moment
from kobo_sync.store import Store
from kobo_sync.suppress import clean_column
from transforms.case_code import shown_code


def print_case(
    out: Console, store: Store, config: Config, found: Found, *, with_history: bool = False, reveal: bool = False
) -> None:
    """Every submission found, told apart by server, form and number. Identifying values only with `reveal`."""
    providers = {provider.code: plain(provider.label) for provider in config.providers}
    zone = ZoneInfo(config.timezone)
    if len(found.keys) > 1:
        out.print(f"{len(found.keys)} fiches portent ce code : chacune est montrée à part.")
    for key in found.keys:
        form, text = store.connection.execute(
            "SELECT s.form, r.raw_json FROM submission s JOIN revision r USING (submission_key)"
            " WHERE submission_key = ? ORDER BY revision_no DESC LIMIT 1",
            (key,),
        ).fetchone()
        raw = json.loads(text)
        code = case_code_of(form, raw)
        out.print()
        out.print(Text(f"{key}{f' · cas {shown_code(code)}' if code else ''}", style="bold"), soft_wrap=True)
        for line in _state(store, key, zone):
            out.print(Text(line), soft_wrap=True)
        table = Table.grid(padding=(0, 2), pad_edge=False)
        table.add_column(ratio=3, overflow="fold")
        table.add_column(ratio=2, overflow="fold")
        answers = flat(form, raw)
        for place in sorted(answers, key=lambda place: order(form, place)):
            if found.row and place.row and place.row != found.row:
                continue
            if place.row and not place.question:
                table.add_row(Text(row_title(place), style="bold"), "")
            elif asked(form, place):
                said = answer(form, place, answers[place], providers, reveal=reveal)
                table.add_row(Text(question(form, place.question)), Text(said))
        out.print(table)
        if with_history:
            out.print(Text("Historique", style="bold"))
            for item in history(store, key, providers, zone, reveal=reveal):
                out.print(Text(f"{moment(item.at, zone)}  {item.text}"), soft_wrap=True)
                for line in item.details:
                    out.print(Text(f"    {line}"), soft_wrap=True)
    if not with_history:
        out.print(f"\nCe qui a changé, quand et par qui : kobo-sync show « {found.subject} » --history", soft_wrap=True)


def _state(store: Store, key: str, zone: ZoneInfo) -> Iterator[str]:
    """When it came, what was said of it, and where it stands."""
    connection = store.connection
    number, received, by, sent, release = connection.execute(
        "SELECT revision_no, received_at, submitted_by, submission_time, form_release FROM revision"
        " WHERE submission_key = ? ORDER BY revision_no DESC LIMIT 1",
        (key,),
    ).fetchone()
    yield (
        f"Envoyée le {moment(sent, zone)} par {plain(by) or 'compte inconnu'} ; version {number}, reçue le "
        f"{moment(received, zone)} ; formulaire {_release(release)}"
    )
    review = connection.execute(
        "SELECT uid, by_whom FROM validation_state WHERE submission_key = ? ORDER BY id DESC LIMIT 1", (key,)
    ).fetchone()
    if review and review[0]:
        yield f"Revue : {REVIEWS.get(review[0], plain(review[0]))} par {plain(review[1]) or 'compte inconnu'}"
    gone = connection.execute(
        "SELECT kind, seen_at FROM deletion WHERE submission_key = ? ORDER BY id DESC LIMIT 1", (key,)
    ).fetchone()
    if gone and gone[0] == "deleted":
        yield f"Supprimée du serveur, constaté le {moment(gone[1], zone)} : elle ne compte plus"
    for (message,) in connection.execute(
        "SELECT message FROM quarantine WHERE submission_key = ? AND released_at IS NULL", (key,)
    ):
        yield f"En quarantaine : {plain(message)}"
    erased = connection.execute(
        "SELECT max(at) FROM suppression WHERE source = ? AND form = ? AND remote_key = ?"
        " AND COALESCE(substr(row_code, 1, 1), '') NOT IN ('+', '=')",
        tuple(key.split("/", 2)),
    ).fetchone()[0]
    if erased:
        yield f"Identité effacée le {moment(erased, zone)}"
    yield from _linked(store, key)


def _release(said: str | None) -> str:
    """The sender typed it: only what a release looks like is shown."""
    return "inconnu" if not said else said if clean_column("form_release", said) else "illisible"


def _linked(store: Store, key: str) -> Iterator[str]:
    """The other submissions of the same event, and those where its persons were met too."""
    if "victims" not in store.derived_tables():
        return
    others = store.connection.execute(
        "SELECT b.submission_key FROM events a JOIN events b ON b.event_id = a.event_id"
        " WHERE a.submission_key = ? AND b.submission_key <> a.submission_key ORDER BY 1",
        (key,),
    ).fetchall()
    if others:
        yield f"Même événement que : {', '.join(row[0] for row in others)}"
    for mine, code, other in store.connection.execute(
        "SELECT a.victim_code, b.victim_code, b.submission_key FROM victims a JOIN victims b USING (person_id)"
        " WHERE a.submission_key = ? AND b.record_id <> a.record_id ORDER BY 1, 3",
        (key,),
    ):
        yield f"{mine} : la même personne que {code} ({other})"


def today(config: Config) -> datetime:
    """Now, where the service is."""
    return datetime.now(ZoneInfo(config.timezone))
