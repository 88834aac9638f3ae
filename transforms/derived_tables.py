"""The columns of the derived tables: the fields of the models, and what `transforms.derive` adds to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel

from transforms.derive_other import CONFIRMATION
from transforms.models import Event, Finding, Identity, Migrant, MigrantTally, Perpetrator, Victim
from transforms.models_other import Declaration, FollowUp, ProviderContact, ProviderEntry

_BOOLEANS = {"counted", "is_reference", "late", "classification_decided"}
_WHOLE_NUMBERS = {
    "victims_detailed", "victims_count_only", "migrants_total", "perpetrators_detailed", "persons", "episode",
}  # fmt: skip
_SHARED = (
    "event_id", "entity_label", "ent_type", "family", "region_decl", "counted", "exclusion", "late", "detection_date",
    "quarter", "place_region", "classification_event", "is_reference",
)  # fmt: skip
_EVENT = (
    "event_id", "entity_label", "ent_type", "family", "region_decl", "quarter", "victims_detailed",
    "victims_count_only", "migrants_total", "perpetrators_detailed", "persons", "classification",
    "classification_decided", "counted", "exclusion", "is_reference", "discrepancy", "review", "review_note",
    "received_date", "late",
)  # fmt: skip
_SENDER = ("entity_label", "ent_type", "family", "region_decl", "received_date", "review")
_LINK = (
    "kind", "left_key", "right_key", "left_code", "right_code", "left_entity", "right_entity", "decision", "reason",
)  # fmt: skip


def _columns(model: type[BaseModel], *extra: str, without: Sequence[str] = ()) -> dict[str, type]:
    columns: dict[str, type] = {}
    for name, info in model.model_fields.items():
        if name not in without:
            annotation = info.annotation
            columns[name] = int if annotation is int or int in get_args(annotation) else str
    for name in extra:
        if name not in columns:
            columns[name] = int if name in _BOOLEANS | _WHOLE_NUMBERS else str
    return columns


TABLES: dict[str, dict[str, type]] = {
    "events": _columns(Event, *_EVENT, without=("classification_computed",)),
    "victims": _columns(Victim, *_SHARED, "person_id", "episode", "counted_status"),
    "perpetrators": _columns(Perpetrator, *_SHARED, "person_id", "act_date"),
    "migrants": _columns(MigrantTally, *_SHARED),
    "migrant_details": _columns(Migrant, *_SHARED),
    "quality": _columns(Finding, "form", "entity", "region_decl", "quarter"),
    "links": dict.fromkeys(_LINK, str) | {"probability": float},
    "followups": _columns(FollowUp, *_SENDER, "state", "target_key", without=CONFIRMATION),
    "provider_entries": _columns(ProviderEntry, "received_date", "review"),
    "declarations": _columns(Declaration, *_SENDER),
    "identity": _columns(Identity),
    "provider_contacts": _columns(ProviderContact),
}
"""Table -> column -> type. Booleans are 0/1, as SQLite keeps them."""

CLOSED = ("identity", "provider_contacts")
"""The tables that reports can't read: names, birth dates, keys, telephones."""


def check_row(table: str, row: dict[str, Any]) -> None:
    """Raises ValueError when a derived row and the declared columns differ: no value may vanish in silence."""
    if set(row) != set(TABLES[table]):
        raise ValueError(f"{table}: {sorted(set(row) ^ set(TABLES[table]))} differ from the declared columns")
