"""A row as the server gives it, read into the words of the store, or refused with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kobo_sync.store import canonical
from kobo_sync.store_receive import Review, Row

MAX_BYTES = 10 * 1024 * 1024
"""Kobo takes no request body above 10 MiB: a larger row is not a case."""


@dataclass(frozen=True)
class Refused:
    """Why a row can't be stored. `message` is French and holds no answer."""

    reason_code: str
    message: str
    remote_key: str | None = None
    instance_uuid: str | None = None
    keep_raw: bool = True


def read_index(row: Mapping[str, Any]) -> tuple[str | None, Review]:
    """Current uuid and review of an index row."""
    return _text(row.get("_uuid")), _review(row.get("_validation_status"))


def read_row(raw: Any) -> Row | Refused:
    """A whole row. Refused: not an object, no usable `_id` or `_uuid`, text that is not Unicode, too large."""
    if not isinstance(raw, dict):
        return Refused("not_an_object", "la fiche reçue n’est pas un objet JSON")
    number, instance_uuid = raw.get("_id"), _text(raw.get("_uuid"))
    if not isinstance(number, int) or isinstance(number, bool):
        return Refused("no_key", "fiche sans identifiant (_id) sur le serveur", None, instance_uuid)
    key = str(number)
    try:
        size = len(canonical(raw).encode())
    except UnicodeEncodeError:  # half a surrogate pair, from a broken keyboard or an attack
        return Refused("invalid_unicode", "un texte de la fiche contient un caractère impossible", key)
    except RecursionError:
        return Refused("too_deep", "la fiche reçue est imbriquée sans fin", key, instance_uuid, keep_raw=False)
    if size > MAX_BYTES:
        return Refused(
            "too_large", f"la fiche reçue est trop grande ({size} octets)", key, instance_uuid, keep_raw=False
        )
    if instance_uuid is None:
        return Refused("no_uuid", "fiche sans identifiant de version (_uuid) sur le serveur", key)
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
    )


def _review(status: Any) -> Review:
    if not isinstance(status, dict) or not _text(status.get("uid")):
        return Review()
    at = status.get("timestamp")
    if isinstance(at, int | float) and not isinstance(at, bool):
        try:
            at = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
        except (ValueError, OverflowError, OSError):  # milliseconds, or nonsense: the review itself still holds
            at = None
    return Review(_text(status["uid"]), _text(status.get("by_whom")), _text(at))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _uuid(value: Any) -> str | None:
    text = _text(value)
    return text.removeprefix("uuid:") if text else None
