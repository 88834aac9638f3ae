"""Forms that drift: questions that the system does not know, and releases never seen. Each is kept, and told once.

A question renamed, removed, added or moved between two releases, a repeat that became a group, a draft begun before a
redeployment: the raw answers are kept whatever they are, and what could not be read is told to a person one time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kobo_sync.errors import KoboSyncError
from kobo_sync.store import CurrentSubmission, Store
from transforms import reading

_RELEASE = re.compile(r"[a-z]+-[0-9a-f]{10}")
_SHOWN = 5


class Drift:
    """What a rebuild meets that the store has not noted yet."""

    def __init__(self, store: Store) -> None:
        self._store = store
        connection = store.connection
        self._paths = {tuple(row) for row in connection.execute("SELECT form, path FROM unknown_field")}
        self._releases = {tuple(row) for row in connection.execute("SELECT form, form_release FROM release_seen")}
        self._forms = {form for form, _ in self._releases}
        self._new_paths: list[tuple[str, str, str, str]] = []
        self._new_releases: list[tuple[str, str]] = []

    def see(self, submission: CurrentSubmission, leftover: Sequence[str]) -> None:
        """A submission that was read, and the questions that no line of the mapping table knows."""
        form, release = submission.form, submission.form_release or ""
        if release and (form, release) not in self._releases:
            self._releases.add((form, release))
            self._new_releases.append((form, release))
        for path in leftover:
            if (form, path) not in self._paths:
                self._paths.add((form, path))
                self._new_paths.append((form, path, release, submission.submission_key))

    def see_unread(self, submission: CurrentSubmission) -> None:
        """A submission that waits in quarantine: what it leaves over may be why."""
        self.see(submission, _leftover(submission.form, submission.raw))

    def keep(self, at: str) -> None:
        """Note what is new. The releases of a form's first night are no news: they are told at once."""
        with self._store.transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO unknown_field (form, path, form_release, submission_key, first_seen_at)"
                " VALUES (?, ?, ?, ?, ?)",
                [(*new, at) for new in self._new_paths],
            )
            connection.executemany(
                "INSERT OR IGNORE INTO release_seen (form, form_release, first_seen_at, told_at) VALUES (?, ?, ?, ?)",
                [(form, release, at, None if form in self._forms else at) for form, release in self._new_releases],
            )


def news(store: Store) -> list[str]:
    """What was never told yet, in French and without answers. `mark_told` ends it, once the lines are in safety."""
    lines = []
    with store.transaction() as connection:  # both tables as of one moment
        unknown: dict[str, list[tuple[str, str]]] = {}
        for form, path, key in connection.execute(
            "SELECT form, path, submission_key FROM unknown_field WHERE told_at IS NULL ORDER BY form, path"
        ):
            unknown.setdefault(form, []).append((path, key))
        for form, found in unknown.items():
            lines.append(
                f"{form} : {len(found)} question(s) que le système ne connaît pas ({_named(found)}), par exemple dans "
                f"la fiche {found[0][1]} ; les réponses sont gardées, elles ne sont pas comptées : comparez le "
                "formulaire déployé (kobo-sync forms check)"
            )
        current: dict[str, str] = {}
        for form, release in connection.execute(
            "SELECT form, form_release FROM release_seen WHERE told_at IS NULL ORDER BY form, form_release"
        ).fetchall():
            if release == current.setdefault(form, _built(form)):
                continue  # the one that this very software deploys
            shown = release if _RELEASE.fullmatch(release) else "illisible"
            lines.append(
                f"{form} : des fiches viennent d’une version du formulaire jamais vue ({shown}) ; elles sont gardées "
                "et lues ; si vous ne l’avez pas déployée : kobo-sync forms check"
            )
    return lines


def mark_told(store: Store, at: str) -> None:
    """What `news` said counts as told from now on."""
    with store.transaction() as connection:
        for table in ("unknown_field", "release_seen"):
            connection.execute(f"UPDATE {table} SET told_at = ? WHERE told_at IS NULL", (at,))


def _named(found: Sequence[tuple[str, str]]) -> str:
    """The questions by name, where the name is one of ours: a person may have typed anything else, a name even."""
    known = sorted({path for path, _ in found if path.rpartition("/")[2] in reading.question_names()})
    others = len(found) - len(known)
    told = known[:_SHOWN] + ([f"{others} d’un nom inconnu"] if others else [])
    return ", ".join(told + (["…"] if len(known) > _SHOWN else []))


def _leftover(form: str, raw: Mapping[str, Any]) -> list[str]:
    if form not in reading.forms():
        return []
    try:
        return reading.read(form, raw).leftover
    except Exception:  # what can't be read at all is in quarantine with its own reason
        return []


def _built(form: str) -> str:
    """The release of the form that this software builds."""
    from kobo_sync import forms  # brings pyxform with it

    try:
        return forms.expand(form)[1]
    except (KoboSyncError, OSError, KeyError):
        return ""
