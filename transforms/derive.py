"""From mapped submissions to the derived rows: what counts, under which status, in which event, as which person.

Two steps around the linkage, which needs the first and feeds the second:
`judge` gives each submission its review, findings and classification retained; `assemble` takes the identifiers of
the ledgers as given and lays the rows that the reports read (columns as in `transforms.bundle`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from transforms import counting
from transforms.counting import Review
from transforms.determination import TRAITE_SERIES
from transforms.models import Finding, Mapped
from transforms.periods import quarter_of
from transforms.quality import Subject, check, count_only, doubled_cases, persons_in
from transforms.register import Provider
from transforms.sender import misplaced, other_account, without_names

Row = dict[str, Any]

UNLISTED, UNLISTED_LABEL = "HORS_LISTE", "Organisme hors liste"
"""In place of an entity that is not in the register: whatever was typed there is not repeated."""
_OTHER_REPORT = "événement déjà compté d’après un autre organisme"


@dataclass(frozen=True)
class Settings:
    """What ANLTP decides, from its configuration."""

    identified_by: Sequence[str]
    deadline_days: int
    no_status_counts: bool
    sync_account: str | None
    accounts: Mapping[str, str] = field(default_factory=dict)
    """The body of each account of an agent, by its name in lower case."""


@dataclass(frozen=True)
class Received:
    """One readable submission with what the server knows of it. Days are ISO, in Africa/Niamey."""

    mapped: Mapped
    received: str
    submission_time: str
    order: int
    instance: str
    review_uid: str | None = None
    review_by: str | None = None
    review_instance: str | None = None
    account: str | None = None
    """The account that sent it."""

    @property
    def key(self) -> str:
        """The submission key."""
        return self.mapped.event.submission_key


@dataclass
class Judged:
    """A submission with all that decides whether, and in which series, it counts."""

    received: Received
    provider: Provider | None
    review: Review
    findings: list[Finding]
    classification: str
    decided: bool

    @property
    def blocking(self) -> Finding | None:
        """The first blocking finding, if any."""
        return next((f for f in self.findings if f.severity == "blocking"), None)

    @property
    def exclusion(self) -> str | None:
        """Why the submission does not count, in French; None when it counts."""
        return self.review.exclusion or (self.blocking.message if self.blocking else None)


def judge(
    submissions: Sequence[Received],
    register: Mapping[str, Provider],
    settings: Settings,
    classified: Mapping[str, str],
) -> list[Judged]:
    """Review, findings and classification retained of each submission.

    `classified` holds people's decisions, event code -> classification; they stand over the computed one.
    """
    doubled: dict[str, list[Finding]] = defaultdict(list)
    order = {s.key: (s.submission_time, s.order) for s in submissions}
    for finding in doubled_cases((s.mapped for s in submissions), order):
        doubled[finding.submission_key].append(finding)
    judged = []
    for given in submissions:
        event, provider = given.mapped.event, register.get(given.mapped.event.entity)
        s = replace(given, mapped=without_names(given.mapped, provider))
        of_sender = [
            *other_account(s.account, event.entity, settings.accounts, s.key, event.case_code),
            *misplaced(s.mapped.shown_to, provider, s.key, event.case_code),
        ]
        subject = Subject(s.mapped, s.received, event.entity in register, settings.identified_by)
        review = counting.review_effect(
            s.review_uid, s.review_by, s.review_instance, s.instance,
            sync_account=settings.sync_account, no_status_counts=settings.no_status_counts,
        )  # fmt: skip
        decision = classified.get(event.case_code)
        judged.append(
            Judged(
                received=s,
                provider=provider,
                review=review,
                findings=[*s.mapped.findings, *check(subject), *of_sender, *doubled[s.key]],
                classification=decision or event.classification_computed or "a_verifier",
                decided=decision is not None,
            )
        )
    return judged


@dataclass
class Derived:
    """The derived rows, one list a table."""

    events: list[Row] = field(default_factory=list)
    victims: list[Row] = field(default_factory=list)
    perpetrators: list[Row] = field(default_factory=list)
    migrants: list[Row] = field(default_factory=list)
    migrant_details: list[Row] = field(default_factory=list)
    quality: list[Row] = field(default_factory=list)
    identity: list[Row] = field(default_factory=list)


def assemble(
    judged: Sequence[Judged],
    settings: Settings,
    person_of: Mapping[str, str],
    event_of: Mapping[str, str],
) -> Derived:
    """The derived rows. `person_of` gives a person id by record id, `event_of` an event id by submission key."""
    out = Derived()
    for item in judged:
        base = _event_row(item, settings, event_of)
        out.events.append(base)
        out.victims += [_victim_row(item, base, v.model_dump(), settings, person_of)
                        for v in item.received.mapped.victims]  # fmt: skip
        out.perpetrators += [
            _perpetrator_row(base, p.model_dump(), person_of) for p in item.received.mapped.perpetrators
        ]
        out.migrants += [_inherit(base, tally.model_dump()) for tally in item.received.mapped.tallies]
        out.migrant_details += [_inherit(base, m.model_dump()) for m in item.received.mapped.migrants]
        out.quality += [_quality_row(base, finding) for finding in item.findings]
        out.identity += [identity.model_dump() for identity in item.received.mapped.identities]
    _choose_reference_reports(out)
    _choose_reference_victims(out.victims)
    _choose_reference_perpetrators(out.perpetrators)
    return out


def _event_row(item: Judged, settings: Settings, event_of: Mapping[str, str]) -> Row:
    mapped, provider = item.received.mapped, item.provider
    event = mapped.event
    received = date.fromisoformat(item.received.received)
    return event.model_dump(exclude={"classification_computed"}) | {
        "event_id": event_of[event.submission_key],
        "entity": provider.code if provider else UNLISTED,
        "entity_label": provider.label if provider else UNLISTED_LABEL,
        "ent_type": provider.ent_type if provider else None,
        "family": provider.family if provider else None,
        "region_decl": provider.region if provider else None,
        "quarter": quarter_of(event.detection_date),
        "victims_detailed": len(mapped.victims),
        "victims_count_only": count_only(mapped),
        "migrants_total": sum(row.persons for row in mapped.tallies),
        "perpetrators_detailed": len(mapped.perpetrators),
        "persons": persons_in(mapped),
        "classification": item.classification,
        "classification_decided": item.decided,
        "counted": item.exclusion is None,
        "exclusion": item.exclusion,
        "is_reference": False,
        "discrepancy": None,
        "review": item.review.state,
        "review_note": "modifiée depuis l’approbation" if item.review.state == "to_confirm" else None,
        "received_date": item.received.received,
        "late": counting.is_late(event.detection_date, received, settings.deadline_days),
    }


_INHERITED = ("event_id", "entity_label", "ent_type", "family", "region_decl", "counted", "exclusion", "late")


def _inherit(base: Row, row: Row) -> Row:
    """What a row takes from its event; the row's own values stand."""
    shared = {name: base[name] for name in (*_INHERITED, "detection_date", "quarter", "place_region")}
    own = {"classification_event": base["classification"], "is_reference": False, "entity": base["entity"]}
    return shared | row | own


def _victim_row(item: Judged, base: Row, row: Row, settings: Settings, person_of: Mapping[str, str]) -> Row:
    full = _inherit(base, row)
    full["person_id"] = person_of[row["record_id"]]
    full["quarter"] = quarter_of(row["identification_date"])
    full["counted_status"] = counting.counted_status(row["status_declared"], row["decider"], settings.identified_by)
    if full["counted_status"] == "not_victim" and full["counted"]:
        full["counted"], full["exclusion"] = False, "la fiche dit que la personne n’est pas une victime"
    if item.decided:  # a person's decision on the event holds for its victims
        full["classification"] = item.classification
    return full


def _perpetrator_row(base: Row, row: Row, person_of: Mapping[str, str]) -> Row:
    full = _inherit(base, row)
    full["person_id"] = person_of[row["record_id"]]
    full["act_date"] = counting.act_date(row["stage"], row["stage_date"], base["detection_date"])
    full["quarter"] = quarter_of(full["act_date"])
    return full


def _quality_row(base: Row, finding: Finding) -> Row:
    return finding.model_dump() | {
        "form": base["form"], "entity": base["entity"], "region_decl": base["region_decl"],
        "quarter": base["quarter"],
    }  # fmt: skip


def _choose_reference_reports(out: Derived) -> None:
    """One total an event: tallies of the other reports don't count, and the discrepancy is written on it."""
    by_event: dict[str, list[Row]] = defaultdict(list)
    for row in out.events:
        by_event[row["event_id"]].append(row)
    reference: set[str] = set()
    series: dict[str, str] = {}  # of the other reports: what the standing one says
    for reports in by_event.values():
        chosen = counting.reference_report(reports)
        if chosen is None:
            continue
        reference.add(chosen)
        standing = next(r for r in reports if r["submission_key"] == chosen)
        standing["is_reference"] = True
        others = [r for r in reports if r["counted"] and r is not standing]
        series.update((r["submission_key"], standing["classification"]) for r in others)
        differing = [r for r in others if r["persons"] != standing["persons"]]
        for other in differing:
            other["discrepancy"] = f"total retenu : {standing['persons']} ({standing['entity_label']})"
        if differing:
            said = ", ".join(f"{r['persons']} ({r['entity_label']})" for r in differing)
            standing["discrepancy"] = f"aussi déclaré : {said}"
    _drop_told_twice(out.victims, reference)
    _drop_told_twice(out.perpetrators, reference)
    for row in out.perpetrators:
        row["classification_event"] = series.get(row["submission_key"], row["classification_event"])
    for rows in (out.migrants, out.migrant_details):
        for row in rows:
            row["is_reference"] = row["submission_key"] in reference


def _drop_told_twice(rows: list[Row], reference: set[str]) -> None:
    """A person of another report of the same event that no link ties to anybody: the standing total holds it already.

    A linked person stays a candidate: the ledger says who it is, wherever it was told.
    """
    members: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        members[row["person_id"]].add(row["submission_key"])
    for row in rows:
        other_report = row["counted"] and row["submission_key"] not in reference
        if other_report and len(members[row["person_id"]]) == 1:
            row["counted"], row["exclusion"] = False, _OTHER_REPORT


def _choose_reference_victims(victims: list[Row]) -> None:
    """Episodes, and within each the record that carries the person in totals; only traite-series records can."""
    by_person: dict[str, list[Row]] = defaultdict(list)
    for row in victims:
        by_person[row["person_id"]].append(row)
    for records in by_person.values():
        for row, number in zip(records, counting.episodes(records), strict=True):
            row["episode"] = number
        for episode in {row["episode"] for row in records}:
            of_episode = [r for r in records if r["episode"] == episode]
            in_series = [r for r in of_episode if r["classification"] in TRAITE_SERIES] or of_episode
            chosen = counting.reference_record(in_series)
            for row in of_episode:
                row["is_reference"] = row["record_id"] == chosen


def _choose_reference_perpetrators(rows: Iterable[Row]) -> None:
    """Flows: once per person, case and stage, at the earliest date of that act."""
    groups: dict[tuple[str, str, str | None], list[Row]] = defaultdict(list)
    for row in rows:
        if row["counted"]:
            groups[(row["person_id"], row["event_id"], row["stage"])].append(row)
    for group in groups.values():
        first = min(group, key=lambda r: (r["act_date"] or "9999", r["record_id"]))
        first["is_reference"] = True
