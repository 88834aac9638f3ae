"""The derived rows of what is no case: follow-ups, the register of providers and its contacts, declarations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from transforms.derive import UNLISTED, UNLISTED_LABEL, Row
from transforms.follow_ups import Followed, ReceivedOther
from transforms.models import Finding
from transforms.models_other import Declaration, FollowUp, Other, ProviderEntry
from transforms.periods import quarter_of
from transforms.register import Provider
from transforms.sender import misplaced

CONFIRMATION = ("confirm_sex", "confirm_band", "confirm_month")
"""Compared with the record, then left out: they tell a person from others."""


@dataclass
class OtherRows:
    """The derived rows, one list a table."""

    followups: list[Row] = field(default_factory=list)
    provider_entries: list[Row] = field(default_factory=list)
    provider_contacts: list[Row] = field(default_factory=list)
    declarations: list[Row] = field(default_factory=list)
    quality: list[Row] = field(default_factory=list)


def assemble_others(
    others: Sequence[ReceivedOther], followed: Sequence[Followed], register: Mapping[str, Provider]
) -> OtherRows:
    """One row a submission, and a row of the worklist for each finding."""
    out = OtherRows()
    result = {item.follow_up.submission_key: item for item in followed}
    for sent in others:
        other, record = sent.other, sent.other.record
        common = {"received_date": sent.received, "review": sent.review.state}
        findings = list(other.findings)
        if isinstance(record, FollowUp):
            item = result[record.submission_key]
            findings += item.findings
            findings += misplaced(other.shown_to, register.get(record.entity), record.submission_key, record.case_code)
            row = record.model_dump(exclude=set(CONFIRMATION)) | _sender(register.get(record.entity))
            out.followups.append(row | common | {"state": item.state, "target_key": item.target_key})
        elif isinstance(record, Declaration):
            findings += misplaced(other.shown_to, register.get(record.entity), record.submission_key, None)
            out.declarations.append(record.model_dump() | _sender(register.get(record.entity)) | common)
        else:
            listed = record.provider is None or record.provider in register
            out.provider_entries.append(
                record.model_dump() | common | {"provider": record.provider if listed else UNLISTED}
            )
            if other.contact is not None:
                out.provider_contacts.append(other.contact.model_dump())
        out.quality += [_quality(other, finding, register, sent.received) for finding in findings]
    return out


def _sender(provider: Provider | None) -> Row:
    return {
        "entity": provider.code if provider else UNLISTED,
        "entity_label": provider.label if provider else UNLISTED_LABEL,
        "ent_type": provider.ent_type if provider else None,
        "family": provider.family if provider else None,
        "region_decl": provider.region if provider else None,
    }


def _quality(other: Other, finding: Finding, register: Mapping[str, Provider], received: str) -> Row:
    """A row of the worklist: in the quarter of the case, or of the declaration, else of the reception."""
    record = other.record
    if isinstance(record, ProviderEntry):
        entity, quarter = record.provider or "", quarter_of(received)
    elif isinstance(record, Declaration):
        entity, quarter = record.entity, record.quarter
    else:
        entity, quarter = record.entity, quarter_of(f"{record.confirm_month or received[:7]}-01")
    sender = _sender(register.get(entity))
    return finding.model_dump() | {
        "form": other.form, "entity": sender["entity"], "region_decl": sender["region_decl"], "quarter": quarter,
    }  # fmt: skip
