"""Rebuilds the derived tables from what was received: the same from the same data, ledgers and code.

Every readable submission is mapped, judged, linked and laid in derived rows; one that can't be read waits in quarantine
with its reasons, and the rest goes through. Identifiers come from the ledgers and are never allocated twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import pandas as pd

from kobo_sync.config import Config
from kobo_sync.erasure_list import ERASED_RECORD
from kobo_sync.rebuild_read import agents_of, read_all
from kobo_sync.store import Store
from kobo_sync.versions import code_version
from transforms import codelists
from transforms.derive import Derived, Judged, Settings, assemble, judge
from transforms.derive_other import OtherRows, assemble_others
from transforms.derived_tables import TABLES, check_row
from transforms.follow_ups import WAITING, follow
from transforms.ledger import reconcile
from transforms.linkage.events import link_events
from transforms.linkage.perpetrators import link_perpetrators
from transforms.linkage.persons import MODEL_VERSION, link_persons
from transforms.linkage.reasons import in_words
from transforms.linkage.result import LinkResult, PairDecision
from transforms.quality import TO_ERASE, persons_in
from transforms.register import Provider, by_code
from transforms.sender import MISPLACED
from transforms.withdrawals import KIND, from_decision

Row = dict[str, Any]


@dataclass(frozen=True)
class RebuildReport:
    """What a rebuild found, in numbers. `submissions`: readable cases; `quarantined`: of any form.

    `names_to_erase`: names and keys that Kobo still holds and should not; `misplaced`: submissions that it shows to
    other reviewers than those of their body.
    """

    submissions: int
    quarantined: int
    victim_records: int
    persons: int
    linked_persons: int
    linked_events: int
    pairs_to_decide: int
    findings: int
    blocked: int
    names_to_erase: int
    misplaced: int
    follow_ups: int
    follow_ups_waiting: int
    provider_entries: int
    declarations: int


def register_of(config: Config) -> list[Provider]:
    """The expected providers of the configuration, as the transforms know them."""
    return [
        Provider(p.code, p.label, p.region, p.family, p.type, p.since.isoformat(), p.nominative)
        for p in config.providers
    ]


def settings_of(config: Config) -> Settings:
    """What ANLTP decides, as the transforms know it."""
    return Settings(
        identified_by=tuple(config.identified_by),
        deadline_days=config.reporting.deadline_days,
        no_status_counts=config.review.no_status == "counted",
        sync_account=config.sync_account,
        accounts=agents_of(config),
    )


def rebuild(
    store: Store, config: Config, *, now: datetime, step: Callable[[str], None] = lambda _: None
) -> RebuildReport:
    """Rebuilds every derived table, in one transaction at the end. `step` is told what is under way, in French."""
    at = now.astimezone(UTC).isoformat(timespec="seconds")
    step("Lecture des fiches")
    readable = read_all(store, config, at)
    register, settings = by_code(register_of(config)), settings_of(config)
    recorded = [from_decision(d.subject, d.value, d.by_whom, d.reason) for d in store.decision_history(KIND)]
    cases, followed = follow(readable.cases, readable.others, recorded)
    with store.transaction():  # before anything is derived from it
        for new in (new for item in followed for new in item.withdrawn):
            store.decide(KIND, new.row_code, new.value, new.by_whom, at, new.reason)
    others = assemble_others(readable.others, followed, register)
    judged = judge(cases, register, settings, {d.subject: d.value for d in store.decisions("classification")})
    step("Rapprochement des personnes")
    erased = {decision.subject for decision in store.decisions(ERASED_RECORD)}
    person_links = link_persons(_person_records(judged, erased), _pair_decisions(store, "person_pair"))
    step("Rapprochement des événements")
    event_links = link_events(_event_records(judged, person_links.clusters), _pair_decisions(store, "event_pair"))
    event_of = _allocate(store, "event", event_links.clusters, at)
    perpetrators = [p for item in judged for p in item.received.mapped.perpetrators]
    clusters = dict(person_links.clusters) | link_perpetrators(perpetrators, event_of)
    for item in judged:
        for victim in item.received.mapped.victims:
            clusters.setdefault(victim.record_id, victim.record_id)
    person_of = _allocate(store, "person", clusters, at)
    step("Calcul des tables")
    derived = assemble(judged, settings, person_of, event_of)
    links = _link_rows(derived, person_links, event_links)
    _replace(store, derived, others, links)
    asked = sum(row["decision"] == "ask" for row in links)
    victims = {row["record_id"] for row in derived.victims}
    return RebuildReport(
        submissions=len(cases),
        quarantined=readable.quarantined,
        victim_records=len(victims),
        persons=len({person_of[record] for record in victims}),
        linked_persons=_joined(clusters, victims),
        linked_events=_joined(event_links.clusters, set(event_links.clusters)),
        pairs_to_decide=asked,
        findings=len(derived.quality) + len(others.quality),
        blocked=sum(item.blocking is not None for item in judged)
        + sum(row["severity"] == "blocking" for row in others.quality),
        names_to_erase=sum(row["rule"] in TO_ERASE for row in derived.quality),
        misplaced=sum(row["rule"] == MISPLACED for row in derived.quality + others.quality),
        follow_ups=len(others.followups),
        follow_ups_waiting=sum(item.state in WAITING for item in followed),
        provider_entries=len(others.provider_entries),
        declarations=len(others.declarations),
    )


def _joined(clusters: Mapping[str, str], members: set[str]) -> int:
    """How many members share their cluster with another."""
    sizes: dict[str, int] = {}
    for member in members:
        sizes[clusters[member]] = sizes.get(clusters[member], 0) + 1
    return sum(size for size in sizes.values() if size > 1)


def _pair_decisions(store: Store, kind: str) -> list[PairDecision]:
    decisions = []
    for decision in store.decisions(kind):
        left, right = decision.subject.split(" ", 1)
        verdict: Literal["same", "different"] = "same" if decision.value == "same" else "different"
        decisions.append(PairDecision(left, right, verdict))
    return decisions


_EVENT_COLUMNS = (
    "record_id", "entity", "form", "detection_date", "region", "department", "commune", "n_persons", "persons",
)  # fmt: skip
_PERSON_COLUMNS = (
    "record_id", "submission_key", "entity", "given_name", "family_name", "sex", "birth_date", "age", "age_date",
    "nationality", "region", "department", "commune", "identification_date", "exploitation_main",
)  # fmt: skip


def _event_records(judged: Iterable[Judged], person_clusters: Mapping[str, str]) -> pd.DataFrame:
    """Events with the persons already found in them: one met in both reports is the best sign of one event."""
    rows = [
        (e.submission_key, e.entity, e.form, e.detection_date, e.place_region, e.place_department, e.place_commune,
         persons_in(item.received.mapped),
         [person_clusters[v.record_id] for v in item.received.mapped.victims if v.record_id in person_clusters])
        for item in judged
        for e in (item.received.mapped.event,)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(_EVENT_COLUMNS))


def _person_records(judged: Iterable[Judged], erased: set[str]) -> pd.DataFrame:
    """Victims that may be linked: recording and sharing both agreed, and something that identifies.

    A record whose name was erased is there too, nameless: only the decisions noted at the erasure link it.
    """
    rows = []
    for item in judged:
        mapped = item.received.mapped
        identities = {identity.record_id: identity for identity in mapped.identities}
        for victim in mapped.victims:
            identity = identities.get(victim.record_id)
            given, family = (identity.given_name, identity.family_name) if identity else (None, None)
            if not (given or family) and not (victim.record_id in erased and victim.consent == "full"):
                continue
            rows.append(
                (victim.record_id, victim.submission_key, victim.entity, given, family,
                 victim.sex, identity.birth_date if identity else None, victim.age, victim.identification_date,
                 victim.nationality,
                 mapped.event.place_region, mapped.event.place_department, mapped.event.place_commune,
                 victim.identification_date, victim.exploitation_main)
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(_PERSON_COLUMNS))


def _allocate(store: Store, kind: Literal["person", "event"], clusters: Mapping[str, str], at: str) -> dict[str, str]:
    """Subject id by member, from the ledger and what it lacks; the new rows are written before anything uses them."""
    update = reconcile(store.ledger(kind), clusters, lambda: secrets.token_hex(16), at, "rebuild")
    store.append_ledger(kind, update.new_rows)
    return update.assignment


def _link_rows(derived: Derived, persons: LinkResult, events: LinkResult) -> list[Row]:
    victims = {row["record_id"]: (row["victim_code"], row["entity"]) for row in derived.victims}
    reports = {row["submission_key"]: (row["case_code"], row["entity"]) for row in derived.events}
    return [
        {
            "kind": kind, "left_key": pair.left, "right_key": pair.right, "decision": pair.decision,
            "left_code": codes[pair.left][0], "right_code": codes[pair.right][0],
            "left_entity": codes[pair.left][1], "right_entity": codes[pair.right][1],
            "probability": float(str(pair.probability)), "reason": in_words(str(pair.reason)),
        }
        for kind, result, codes in (("person", persons, victims), ("event", events, reports))
        for pair in result.pairs.itertuples(index=False)
    ]  # fmt: skip


def _replace(store: Store, derived: Derived, others: OtherRows, links: list[Row]) -> None:
    content: dict[str, list[Row]] = asdict(derived) | asdict(others) | {"links": links}
    content["quality"] = derived.quality + others.quality
    for table, rows in content.items():
        for row in rows[:1]:
            check_row(table, row)
    store.replace_derived(
        {table: (columns, content[table]) for table, columns in TABLES.items()},
        stamp={
            "code_version": code_version(),
            "code_list_version": codelists.VERSION,
            "linkage_model": MODEL_VERSION,
        },
    )
