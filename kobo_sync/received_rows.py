"""A row as the server gives it, read into the words of the store, or refused with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kobo_sync.source import IndexRow, Refused
from kobo_sync.store import answers_text, canonical
from kobo_sync.store_receive import Review, Row

MAX_BYTES = 10 * 1024 * 1024
"""Kobo takes no request body above 10 MiB: a larger row is not a case."""


def read_index(row: Mapping[str, Any]) -> IndexRow | None:
    """An index row; None when it has no usable `_id`."""
    number = row.get("_id")
    if not isinstance(number, int) or isinstance(number, bool):
        return None
    return IndexRow(
        str(number),
        _text(row.get("_uuid")),
        _review(row.get("_validation_status")),
        _text(row.get("_date_modified")),
        _files(row.get("_attachments")),
        _uuid(row.get("meta/rootUuid")),
    )


def read_row(raw: Any, with_files: bool = False) -> Row | Refused:
    """A whole row. Refused: not an object, no usable `_id` or `_uuid`, text that is not Unicode, too large.

    `with_files`: whether the index tells of files as well; the two are compared.
    """
    if not isinstance(raw, dict):
        return Refused("not_an_object", "la fiche reçue n’est pas un objet JSON", raw)
    number, instance_uuid = raw.get("_id"), _text(raw.get("_uuid"))
    if not isinstance(number, int) or isinstance(number, bool):
        return Refused("no_key", "fiche sans identifiant (_id) sur le serveur", raw, None, instance_uuid)
    key = str(number)
    try:
        text = answers_text(raw)
    except UnicodeEncodeError:  # half a surrogate pair, from a broken keyboard or an attack
        return Refused("invalid_unicode", "un texte de la fiche contient un caractère impossible", raw, key)
    except RecursionError:
        return Refused("too_deep", "la fiche reçue est imbriquée sans fin", raw, key, instance_uuid, keep_raw=False)
    size = len(text)
    if size > MAX_BYTES:
        return Refused(
            "too_large", f"la fiche reçue est trop grande ({size} octets)", raw, key, instance_uuid, keep_raw=False
        )
    if instance_uuid is None:
        return Refused("no_uuid", "fiche sans identifiant de version (_uuid) sur le serveur", raw, key)
    root = _uuid(raw.get("meta/rootUuid"))
    deprecated = _uuid(raw.get("meta/deprecatedID"))
    witnesses = {instance_uuid, root, deprecated, _uuid(raw.get("meta/instanceID"))}
    return Row(
        remote_key=key,
        instance_uuid=instance_uuid,
        root_uuid=root,
        witnesses=frozenset(uuid for uuid in witnesses if uuid),
        edited=deprecated is not None or root not in (None, instance_uuid),
        submission_time=_text(raw.get("_submission_time")),
        submitted_by=_text(raw.get("_submitted_by")),
        form_release=_text(raw.get("form_release")),
        remote_version=_text(raw.get("__version__")),
        review=_review(raw.get("_validation_status")),
        raw=raw,
        modified=_text(raw.get("_date_modified")),
        files=_files(raw.get("_attachments")) if with_files else "",
        text=text,
    )


_NONE = Review()
"""One for all rows without a review: a sweep holds many."""


def _review(status: Any) -> Review:
    if not isinstance(status, dict) or not _text(status.get("uid")):
        return _NONE
    at = status.get("timestamp")
    if isinstance(at, int | float) and not isinstance(at, bool):
        try:
            at = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
        except (ValueError, OverflowError, OSError):  # milliseconds, or nonsense: the review itself still holds
            at = None
    return Review(_text(status["uid"]), _text(status.get("by_whom")), _text(at))


def _files(attachments: Any) -> str:
    """What changes when a file arrives, goes, or is sent anew."""
    if not attachments or not isinstance(attachments, list):
        return ""
    each = (entry for entry in attachments if isinstance(entry, dict))
    return canonical(
        sorted(
            f"{entry.get('media_file_basename') or entry.get('filename')} {entry.get('uid')}"
            f"{' deleted' if entry.get('is_deleted') else ''}"
            for entry in each
        )
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _uuid(value: Any) -> str | None:
    text = _text(value)
    return text.removeprefix("uuid:") if text else None
