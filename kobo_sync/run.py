"""The nightly job: pull every source, rebuild, write what changed. Nobody watches it: it says what needs people."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlcipher3 import dbapi2 as sqlcipher

from kobo_sync import health, logs
from kobo_sync.attachments import fetch_source
from kobo_sync.config import Config, SourceConfig
from kobo_sync.drift import mark_told, news
from kobo_sync.errors import (
    AuthError,
    ConfigError,
    Forbidden,
    KoboSyncError,
    LockHeld,
    NotFoundError,
    ServerError,
    StoreError,
    StoreKeyError,
)
from kobo_sync.health import FAILED, FINE, NEEDS_PEOPLE
from kobo_sync.keys import Keys, load_keys
from kobo_sync.lock import hold_lock
from kobo_sync.open_source import open_source
from kobo_sync.outputs import periods_of, read_frames, write_period
from kobo_sync.pull import PullReport, pull
from kobo_sync.rebuild import RebuildReport, rebuild
from kobo_sync.recovery import require_drill
from kobo_sync.store import Store
from kobo_sync.withheld import withheld_line
from reports.save import FileInUse
from transforms.assertions import PublicationError

NAMES_TO_ERASE = "nom(s) ou clé(s) à effacer dans Kobo : feuille « Qualité » du classeur"

SHOWN_TO_OTHERS = "fiche(s) montrée(s) dans Kobo à d’autres relecteurs que les leurs : feuille « Qualité » du classeur"


@dataclass
class RunReport:
    """What one run did. `problems` are what failed, `notices` what waits for a person, both in French;
    `failures` are the problems again, without what a server said: where, and what type of error.
    """

    pulls: dict[str, PullReport] = field(default_factory=dict)
    rebuilt: RebuildReport | None = None
    written: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notices: list[health.Notice] = field(default_factory=list)
    failures: list[health.Failure] = field(default_factory=list)

    @property
    def for_people(self) -> list[str]:
        """The words of the notices."""
        return [notice.words for notice in self.notices]

    @property
    def exit_code(self) -> int:
        """0 done, 1 failed in part or whole, 3 done but some records need people."""
        return FAILED if self.problems else (NEEDS_PEOPLE if self.notices else FINE)

    def fail(self, where: str, error: BaseException, problem: str, form: str | None = None) -> None:
        """Note that a source, one of its forms, or a period failed."""
        self.problems.append(problem)
        self.failures.append(health.failure_of(f"{where} · {form}" if form else where, error))
        # The log takes what fits.
        logs.event("failed", level=logging.ERROR, source=where, period=where, form=form, error=error)

    def counts(self) -> dict[str, int]:
        """Every number of the run, under its name."""
        whole = asdict(self.rebuilt) if self.rebuilt else {}
        for pulled in self.pulls.values():
            for name, number in pulled.numbers().items():
                whole[name] = whole.get(name, 0) + number
        return whole | {name: len(getattr(self, name)) for name in ("written", "problems", "for_people")}

    def total(self, name: str) -> int:
        """The sum over sources of one number of the pulls."""
        return sum(getattr(report, name) for report in self.pulls.values())

    def as_json(self) -> dict[str, Any]:
        """For a monitor: numbers and messages, never a record's content."""
        return {
            "exit_code": self.exit_code,
            "pulls": {name: report.as_json() for name, report in self.pulls.items()},
            "rebuild": asdict(self.rebuilt) if self.rebuilt else None,
            "written": [path.as_posix() for path in self.written],
            "problems": self.problems,
            "for_people": self.for_people,
        }


Step = Callable[[str], None]


def run(config: Config, *, now: datetime, step: Step = lambda _: None, confirm_deletions: bool = False) -> RunReport:
    """The whole job over every source of the configuration.

    A source that can't be read does not stop the others: what failed is in `problems`, what was received before stays,
    and the last good files stay until new ones are whole. Raises ConfigError, StoreKeyError, StoreError or LockHeld
    before anything is done.
    """
    tokens = _tokens(config.sources)
    keys = load_keys(config)
    require_drill(config, keys)
    report = RunReport()
    with logs.kept(config), hold_lock(config.lock_path), Store.open(config.store_path, keys.store) as store:
        logs.event("run_start")
        _refuse_lost_sources(store, config)
        run_id = store.start_run(now)
        _pull_all(config, keys, config.sources, tokens, store, now, report, step, confirm_deletions)
        if report.pulls:
            report.rebuilt = rebuild(store, config, now=now, step=step)
            _write(store, config, keys.pseudonym, now, report, step)
        _tell_people(report)
        if withheld := withheld_line(store.connection):
            report.notices.append(health.Notice("withheld", withheld))
        report.notices += [health.Notice(line, line, once=True) for line in news(store)]
        ended = datetime.now(ZoneInfo(config.timezone))
        store.finish_run(run_id, ended, report.exit_code, report.as_json())
        health.ended(
            config, started=now, at=ended, exit_code=report.exit_code, counts=report.counts(),
            failures=report.failures, notices=report.notices,
        )  # fmt: skip
        # The health file has it: a mail will say it.
        mark_told(store, now.astimezone(UTC).isoformat(timespec="seconds"))
        logs.event(
            "run_end", exit_code=report.exit_code, counts=report.counts(), duration=(ended - now).total_seconds()
        )
    return report


def pull_only(
    config: Config,
    *,
    now: datetime,
    only: str | None = None,
    confirm_deletions: bool = False,
    step: Step = lambda _: None,
) -> RunReport:
    """Bring the store level with every source, or with one, and do nothing else. Errors as `run`."""
    sources = config.sources if only is None else [config.source(only)]
    tokens = _tokens(sources)
    keys = load_keys(config)
    require_drill(config, keys)
    report = RunReport()
    with logs.kept(config), hold_lock(config.lock_path), Store.open(config.store_path, keys.store) as store:
        _refuse_lost_sources(store, config)
        run_id = store.start_run(now)
        _pull_all(config, keys, sources, tokens, store, now, report, step, confirm_deletions)
        _tell_people(report)
        store.finish_run(run_id, datetime.now(ZoneInfo(config.timezone)), report.exit_code, report.as_json())
    return report


def _tokens(sources: Sequence[SourceConfig]) -> dict[str, str | KoboSyncError]:
    """The token of each source, or why it has none: a partner's lost password does not stop the night of the others.

    Raises ConfigError or StoreKeyError when no source has any.
    """
    found: dict[str, str | KoboSyncError] = {}
    for source in sources:
        try:
            found[source.name] = source.read_token()
        except (ConfigError, StoreKeyError) as error:
            found[source.name] = error
    errors = [each for each in found.values() if isinstance(each, KoboSyncError)]
    if len(errors) == len(found):
        told = [error for error in errors if isinstance(error, ConfigError)]
        raise ConfigError([problem for error in told for problem in error.problems]) if told else errors[0]
    return found


def _pull_all(
    config: Config, keys: Keys, sources: Sequence[SourceConfig], tokens: Mapping[str, str | KoboSyncError],
    store: Store, now: datetime, report: RunReport, step: Step, confirm_deletions: bool,
) -> None:  # fmt: skip
    """A source that can't be read does not stop the others; what concerns the store or the whole job ends it."""
    for source in sources:
        token = tokens[source.name]
        if isinstance(token, KoboSyncError):
            report.fail(source.name, token, str(token))
            continue
        step(f"Tirage de {source.name}")
        try:
            _pull_source(config, keys, source, token, store, now, report, step, confirm_deletions)
        except ServerError as error:
            report.fail(source.name, error, f"{source.name} : {said(source, error)}")
        except ConfigError as error:  # no form of it is deployed
            if len(sources) == 1:
                raise
            report.fail(source.name, error, str(error))
        except (StoreError, StoreKeyError, LockHeld, sqlcipher.Error):
            raise
        except Exception as error:
            # What nobody foresaw, mostly an answer's shape: its text, which may hold an answer, is not repeated.
            report.fail(source.name, error, f"{source.name} : erreur imprévue ({type(error).__name__})")


def said(source: SourceConfig, error: ServerError) -> str:
    """A refusal for whoever mends it: the form's name for its uid, where the token lies, what is safe."""
    text = str(error)
    for form, uid in source.forms.items():
        if uid:
            text = re.sub(rf"/{re.escape(uid)}(?![A-Za-z0-9])", f"/({form})", text)
    if isinstance(error, AuthError) and not isinstance(error, Forbidden):
        text += f" ; {'mot de passe' if source.kind == 'central' else 'jeton'} : {source.token_place}"
    if isinstance(error, AuthError | NotFoundError):
        text += " ; ce qui est reçu est gardé, les autres sources et fiches sont tirées"
    return text


def _refuse_lost_sources(store: Store, config: Config) -> None:
    """A source renamed in the configuration would bring every record in a second time."""
    known = {row[0] for row in store.connection.execute("SELECT DISTINCT source FROM submission")}
    lost = sorted(known - {source.name for source in config.sources})
    if lost:
        raise StoreError(
            f"La base contient des fiches de la source « {', '.join(lost)} », qui n’est plus dans {config.path.name}",
            "remettez ce nom (sources.name) : le changer ferait tout recevoir une seconde fois",
        )


def _pull_source(
    config: Config, keys: Keys, source: SourceConfig, token: str, store: Store, now: datetime,
    report: RunReport, step: Step, confirm_deletions: bool,
) -> None:  # fmt: skip
    with open_source(source, token, [form for form, wanted in config.attachments.items() if wanted]) as server:
        pulled = pull(
            source, store, server, now=now, confirm_deletions=confirm_deletions,
            # A step after each batch: where a signal may end the pull.
            progress=lambda what, done, total: step(f"{source.name} · {what} ({done} sur {total})"),
        )  # fmt: skip
        report.pulls[source.name] = pulled  # now: whatever the files do, the rows are there
    for form, error in pulled.problems:
        report.fail(source.name, error, f"{source.name} · {form} : {said(source, error)}", form)
    logs.event("source_end", source=source.name, counts=pulled.numbers())
    try:
        pulled.warnings += fetch_source(config, source, token, store, keys.store, now, step)
    except ServerError as error:  # the rows are there: their files come another night
        pulled.warnings.append(health.failure_of("fichiers joints", error).words)  # goes to a mail


def _write(store: Store, config: Config, key: bytes, now: datetime, report: RunReport, step: Step) -> None:
    frames = read_frames(store)
    for period in periods_of(frames, now.date()):
        step(f"Écriture de {period.label}")
        try:
            report.written.append(write_period(store, config, frames, period, pseudonym_key=key, now=now))
        except (PublicationError, FileInUse) as error:
            report.fail(period.label, error, str(error))
        except OSError as error:
            report.fail(
                period.label,
                error,
                f"{period.label} n’est pas écrit ({error.strerror}) : vérifiez output_dir ({config.output_dir}) ; "
                "ce qui est reçu est gardé",
            )


def _tell_people(report: RunReport) -> None:
    for name, pulled in report.pulls.items():
        report.notices += [health.Notice.of(name, warning) for warning in pulled.warnings]
    if unreadable := report.total("quarantined"):
        words = f"{unreadable} fiche(s) illisible(s) à la réception : kobo-sync status"
        report.notices.append(health.Notice("unreadable", words, count=unreadable))
    rebuilt = report.rebuilt
    if rebuilt is None:
        return
    for name, words in (
        ("quarantined", "fiche(s) en quarantaine, à corriger dans Kobo : kobo-sync status"),
        ("blocked", "fiche(s) arrêtée(s) par une règle bloquante : feuille « Qualité » du classeur"),
        ("names_to_erase", NAMES_TO_ERASE),
        ("misplaced", SHOWN_TO_OTHERS),
        (
            "follow_ups_waiting",
            "suivi(s) en attente : cas inconnu, ou confirmation à vérifier (feuille « Qualité »)",
        ),
        (
            "pairs_to_decide",
            "paire(s) à décider, toutes périodes (feuilles « Doublons ») : "
            'kobo-sync decide CODE CODE meme|different --by QUI --reason "…" ; '
            "d’ici là elles comptent comme différentes",
        ),
    ):
        if number := getattr(rebuilt, name):
            report.notices.append(health.Notice(name, f"{number} {words}", count=number))
