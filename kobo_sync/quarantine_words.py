"""A submission in quarantine in the words of its form, for the person who will correct it."""

from __future__ import annotations

import json
import re

from kobo_sync.find_case import case_code_of
from kobo_sync.store import Store
from transforms.case_code import shown_code

REASONS = {
    "missing": "réponse manquante",
    "bad_number": "nombre illisible",
    "bad_place": "lieu inconnu",
    "bad_code": "réponse hors de la liste",
    "bad_date": "date illisible",
    "bad_shape": "forme inattendue",
    "too_many_rows": "trop de lignes",
    "too_large": "fiche trop grosse",
    "unknown_form": "formulaire inconnu",
    "doubled_row_code": "code de ligne en double",
    "invalid_unicode": "texte illisible",
    "internal_error": "erreur du logiciel, à signaler",
}
_QUESTION = re.compile(r"Question « (\w+) »")


def waiting(store: Store) -> list[tuple[str, str, str, str]]:
    """(submission, case code or a dash, reason, message) of each, in French."""
    rows = store.connection.execute(
        "SELECT submission_key, form, remote_key, reason_code, message,"
        " (SELECT raw_json FROM revision r WHERE r.submission_key = q.submission_key ORDER BY revision_no DESC LIMIT 1)"
        " FROM quarantine q WHERE released_at IS NULL ORDER BY submission_key"
    )
    return [
        (key or remote_key or "–", _case(form, raw) or "–", REASONS.get(code, code), in_words(form, message))
        for key, form, remote_key, code, message, raw in rows
    ]


def in_words(form: str, message: str) -> str:
    """The message with each question as the form asks it, its technical name beside it."""
    from kobo_sync.case_words import question  # it reads the form's workbook

    def said(found: re.Match[str]) -> str:
        asked = question(form, found[1])
        known = asked not in (found[1], "question inconnue du système")
        return f"Question « {asked} » ({found[1]})" if known else found[0]

    return _QUESTION.sub(said, message)


def _case(form: str, raw: str | None) -> str:
    try:
        code = case_code_of(form, json.loads(raw or ""))
    except (ValueError, AttributeError):
        return ""
    return shown_code(code) if code else ""
