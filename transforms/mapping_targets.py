"""Where the mapping table may put an answer: the fields of the records, and what a rule reads on the way.

An answer whose target is neither would be read and lost: `forms check` refuses such a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import BaseModel

from transforms.models import Event, Identity, Migrant, MigrantTally, Perpetrator, Victim
from transforms.models_other import Declaration, FollowUp, ProviderContact, ProviderEntry

RECORDS: dict[tuple[str, str], tuple[type[BaseModel], ...]] = {
    ("traite", ""): (Event,),
    ("traite", "victime"): (Victim, Identity),
    ("traite", "auteur"): (Perpetrator,),
    ("trafic", ""): (Event,),
    ("trafic", "groupe"): (MigrantTally,),
    ("trafic", "migrant"): (Migrant,),
    ("trafic", "passeur"): (Perpetrator,),
    ("suivi", ""): (FollowUp,),
    ("fournisseur", ""): (ProviderEntry, ProviderContact),
    ("declaration", ""): (Declaration,),
}
"""(form, repeat or '') to the records that its answers fill."""

SHOWN_TO = ("region_phone", "family_phone")
"""What decides in Kobo who is shown a row: compared with the register, then dropped."""

BY_RULE: dict[tuple[str, str], frozenset[str]] = {
    ("traite", ""): frozenset({"started", *SHOWN_TO}),
    ("traite", "victime"): frozenset(
        {
            "majority",
            "consent_record",
            "consent_guardian",
            "consent_share",
            "consent_name",
            "typed_name",
            "child_at_facts",
            "same_situation",
        }
    ),
    ("trafic", ""): frozenset({"started", *SHOWN_TO}),
    ("trafic", "groupe"): frozenset({"g_f_min", "g_h_min", "g_f_adu", "g_h_adu", "g_f_inc", "g_h_inc", "g_inconnu"}),
    ("trafic", "migrant"): frozenset({"age_precision", "age_band"}),
    ("suivi", ""): frozenset(SHOWN_TO),
    ("declaration", ""): frozenset({"year", *SHOWN_TO}),
}
"""Targets that a rule of the mapping reads, and that no record keeps under that name."""


def unread(lines: Iterable[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Lines of the mapping table (columns form, repeat, kind, target) whose answer nothing would take."""
    return [line for line in lines if line["kind"] != "ignore" and line["target"] not in _taken(line)]


def _taken(line: Mapping[str, str]) -> set[str]:
    place = (line["form"], line["repeat"])
    fields = {name for record in RECORDS.get(place, ()) for name in record.model_fields}
    return fields | BY_RULE.get(place, frozenset())
