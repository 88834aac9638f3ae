"""Consent: what each answer allows the base to keep. The same table as the forms' (`v_enreg`), read again here.

Recording refused: sex, child or adult, region, month and form of exploitation; neither name nor key. Recorded but not
shared: the record for ANLTP's totals, without name, birth date or key, never linked. Both: with the key; with the name
only where the person agreed to that too.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, Literal

from transforms.models import Consent, Finding, Mapped, Victim

Withdrawal = Literal["partage", "tout"]

NAME_LEFT = "name_left_in_kobo"
_INSTEAD_OF_CONSENT = ("mandat", "vital")
"""A mandate, or the vital interest of a person who can't answer, stands in for recording; never for sharing."""
_GUARDIANS = ("responsable", "service")
_KEPT_WHEN_REFUSED = frozenset({
    "submission_key", "case_code", "record_id", "victim_code", "entity", "consent", "sex", "age_group",
    "child_in_law", "place_region", "exploitation", "exploitation_main", "classification", "classification_phone",
})  # fmt: skip


def is_recorded(values: Mapping[str, Any], known_child: bool = False) -> bool:
    """May the person's case be recorded?

    A child's own agreement, or that of a person who may be a child, needs a guardian who is not implicated, else the
    child-protection service: a child recorded with nobody but implicated carers is a refusal. Earlier releases asked
    « child or adult » only of those who refused, and no guardian: their answer stands alone. `known_child`: the age
    is a child's, and the form asked for a guardian.
    """
    said = values.get("consent_record")
    if said in _INSTEAD_OF_CONSENT:
        return True
    guardian = values.get("consent_guardian")
    may_be_a_child = known_child or values.get("majority") in ("0-17", "unk") or guardian is not None
    return said == "oui" and (not may_be_a_child or guardian in _GUARDIANS)


def lacks_guardian(values: Mapping[str, Any], known_child: bool) -> bool:
    """A child who said yes, and nothing about an adult: the form does not let that pass, so a person must look."""
    child = known_child or values.get("majority") == "0-17"
    return child and values.get("consent_record") == "oui" and values.get("consent_guardian") is None


def consent_of(values: Mapping[str, Any], known_child: bool = False) -> Consent:
    """Recording refused; recorded but not shared; both."""
    if not is_recorded(values, known_child):
        return "refused"
    return "full" if values.get("consent_share") == "oui" else "no_share"


def identity_of(values: Mapping[str, Any], consent: Consent) -> dict[str, str]:
    """The identifying answers that may be kept: none unless shared, and the name only where the person said yes."""
    if consent != "full":
        return {}
    named = ("given_name", "family_name") if values.get("consent_name") == "oui" else ()
    kept = {name: values.get(name) for name in (*named, "birth_date", "linkage_key")}
    return {name: value for name, value in kept.items() if value}


def minimal(victim: Victim) -> Victim:
    """What is kept of a victim whose recording is refused: the month is written as its first day."""
    dropped = {name: None for name in Victim.model_fields if name not in _KEPT_WHEN_REFUSED}
    day = victim.identification_date
    dropped["identification_date"] = f"{day[:7]}-01" if day else None  # type: ignore[assignment]
    dropped["age_precision"] = "unk" if victim.age_group == "unk" else "band"  # type: ignore[assignment]
    return victim.model_copy(update={"consent": "refused", **dropped})


def withdraw(mapped: Mapped, row_code: str, what: Withdrawal) -> Mapped:
    """The records of a case after the person of one row withdrew her consent: `partage` or `tout`.

    As if she had answered so from the start; name, birth date and key go with either. A migrant's detail row goes
    whole with `tout`: the group's total still counts the person. A name or key still in Kobo is a finding.
    """
    if what == "tout":
        migrants = [row for row in mapped.migrants if row.migrant_code != row_code]
        victims = [minimal(v) if v.victim_code == row_code else v for v in mapped.victims]
    else:
        migrants = mapped.migrants
        victims = [
            v.model_copy(update={"consent": "no_share"}) if v.victim_code == row_code and v.consent == "full" else v
            for v in mapped.victims
        ]
    gone = {v.record_id for v in mapped.victims if v.victim_code == row_code}
    identities = [identity for identity in mapped.identities if identity.record_id not in gone]
    findings = [*mapped.findings, *_left_in_kobo(mapped, gone)]
    return mapped.model_copy(
        update={"victims": victims, "migrants": migrants, "identities": identities, "findings": findings}
    )


def _left_in_kobo(mapped: Mapped, withdrawn: Set[str]) -> list[Finding]:
    """What the base dropped and the server still shows; each row is told once."""
    told = {finding.record_id for finding in mapped.findings if finding.rule == NAME_LEFT}
    message = (
        "Accord retiré, mais un nom ou une clé reste dans la fiche : dans Kobo, vider v_prenom, v_nom, v_cle et "
        "v_cle_nom de cette personne."
    )
    return [
        Finding(submission_key=mapped.event.submission_key, case_code=mapped.event.case_code, record_id=record,
                field="v_nom", rule=NAME_LEFT, severity="error", message=message)
        for record in mapped.naming if record in withdrawn and record not in told
    ]  # fmt: skip
