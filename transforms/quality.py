"""Quality rules: what to check is data (`data/quality_rules.csv`), how is one small function a rule.

A rule yields the record ids it holds for (None for the submission itself). `blocking` keeps the submission out of the
totals until it is corrected; `error` and `warning` are counted and shown in the worklist.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

from transforms.counting import counted_status
from transforms.models import Finding, Mapped, Severity

_DATA = Path(__file__).with_name("data") / "quality_rules.csv"
Hit = str | None

TO_ERASE = ("name_left_in_kobo", "name_not_erased", "name_not_allowed")
"""Findings of a name or key that Kobo holds and should not: a person empties the answer there."""


@dataclass(frozen=True)
class Subject:
    """One submission under check. `received` is the ISO day it reached the server, in Africa/Niamey."""

    mapped: Mapped
    received: str
    entity_known: bool
    identified_by: Sequence[str]


@dataclass(frozen=True)
class Rule:
    """One line of the rules' table."""

    rule: str
    form: str
    severity: Severity
    field: str
    label: str
    message: str


@cache
def rules() -> dict[str, Rule]:
    """The rules by identifier."""
    with _DATA.open(encoding="utf-8", newline="") as lines:
        return {
            row["rule"]: Rule(
                row["rule"],
                row["form"],
                cast(Severity, row["severity"]),
                row["field"],
                row["label_fr"],
                row["message_fr"],
            )
            for row in csv.DictReader(lines)
        }


@cache
def reason_labels() -> dict[str, str]:
    """Short French label of every rule and of every reason for which a value can't be read."""
    with _DATA.with_name("reason_codes.csv").open(encoding="utf-8", newline="") as lines:
        reasons = {row["code"]: row["label_fr"] for row in csv.DictReader(lines)}
    return reasons | {name: rule.label for name, rule in rules().items()}


def _unknown_entity(s: Subject) -> Iterator[Hit]:
    if not s.entity_known:
        yield None


def _undated(s: Subject) -> Iterator[Hit]:
    if s.mapped.event.detection_date is None:
        yield None


def _detected_after_sending(s: Subject) -> Iterator[Hit]:
    if (s.mapped.event.detection_date or "") > s.received:
        yield None


def _identified_after_sending(s: Subject) -> Iterator[Hit]:
    yield from (v.record_id for v in s.mapped.victims if (v.identification_date or "") > s.received)


def _exploitation_after_identification(s: Subject) -> Iterator[Hit]:
    yield from (
        v.record_id
        for v in s.mapped.victims
        if v.exploitation_start and v.identification_date and v.exploitation_start > v.identification_date
    )


def _stage_after_sending(s: Subject) -> Iterator[Hit]:
    yield from (p.record_id for p in s.mapped.perpetrators if (p.stage_date or "") > s.received)


def _classified(result: str) -> Callable[[Subject], Iterator[Hit]]:
    def check(s: Subject) -> Iterator[Hit]:
        if s.mapped.event.classification_computed == result:
            yield None

    return check


def _exploitation_without_traite(s: Subject) -> Iterator[Hit]:
    if s.mapped.event.exploitation_sign == "oui" and not s.mapped.event.linked_traite_code:
        yield None


def _no_person(s: Subject) -> Iterator[Hit]:
    if persons_in(s.mapped) == 0:
        yield None


def _details_exceed_total(s: Subject) -> Iterator[Hit]:
    if len(s.mapped.migrants) > sum(row.persons for row in s.mapped.tallies):
        yield None


def _not_on_deciding_list(s: Subject) -> Iterator[Hit]:
    for v in s.mapped.victims:
        said = v.status_declared == "ActualVictimOfTrafficking"
        if said and counted_status(v.status_declared, v.decider, s.identified_by) != "identified":
            yield v.record_id


def _age_unknown(s: Subject) -> Iterator[Hit]:
    yield from (v.record_id for v in s.mapped.victims if v.age_group == "unk")


_CHECKS: dict[str, Callable[[Subject], Iterator[Hit]]] = {
    "unknown_entity": _unknown_entity,
    "undated": _undated,
    "detected_after_sending": _detected_after_sending,
    "identified_after_sending": _identified_after_sending,
    "exploitation_after_identification": _exploitation_after_identification,
    "stage_after_sending": _stage_after_sending,
    "wrong_form_traite": _classified("trafic_illicite"),
    "wrong_form_trafic": _classified("traite_presumee"),
    "exploitation_without_traite": _exploitation_without_traite,
    "to_verify": _classified("a_verifier"),
    "neither": _classified("aucun"),
    "no_person": _no_person,
    "details_exceed_total": _details_exceed_total,
    "not_on_deciding_list": _not_on_deciding_list,
    "age_unknown": _age_unknown,
}
_ACROSS = frozenset({"case_code_twice"})
"""Rules over several submissions, applied by `doubled_cases`."""


def persons_in(mapped: Mapped) -> int:
    """Persons that one submission tells of: rows and numbers (traite), or the groups' totals (trafic)."""
    event = mapped.event
    if event.form == "trafic":
        return sum(row.persons for row in mapped.tallies)
    return len(mapped.victims) + count_only(mapped)


def count_only(mapped: Mapped) -> int:
    """Victims known only by number in a `traite` submission."""
    e = mapped.event
    counts = (e.count_f_child, e.count_m_child, e.count_f_adult, e.count_m_adult, e.count_unknown)
    return sum(number or 0 for number in counts)


def _finding(rule: Rule, mapped: Mapped, record_id: Hit) -> Finding:
    return Finding(
        submission_key=mapped.event.submission_key, case_code=mapped.event.case_code, record_id=record_id,
        field=rule.field, rule=rule.rule, severity=rule.severity, message=rule.message,
    )  # fmt: skip


def check(subject: Subject) -> list[Finding]:
    """Every rule that holds for one submission, in the order of the table."""
    form = subject.mapped.event.form
    return [
        _finding(rule, subject.mapped, hit)
        for rule in rules().values()
        if rule.rule not in _ACROSS and rule.form in ("", form)
        for hit in _CHECKS[rule.rule](subject)
    ]


def doubled_cases(submissions: Iterable[Mapped], order: Mapping[str, tuple[str, int]]) -> list[Finding]:
    """The same event code in two submissions: all but the first received are kept out until corrected.

    A copy made on the server, or two paper sheets filled with one code, of one form or of both: the code names one
    event. `order` gives (submission time, position) by submission key.
    """
    by_code: dict[str, list[Mapped]] = {}
    for mapped in submissions:
        by_code.setdefault(mapped.event.case_code, []).append(mapped)
    rule = rules()["case_code_twice"]
    findings = []
    for group in by_code.values():
        first, *later = sorted(group, key=lambda m: order[m.event.submission_key])
        findings += [
            _finding(rule, copy, None).model_copy(update={"message": _which_and_what(first, copy)}) for copy in later
        ]
    return findings


def _which_and_what(first: Mapped, later: Mapped) -> str:
    number = first.event.submission_key.rpartition("/")[2]
    told = (
        f"Même code d’événement que la fiche n° {number} du formulaire « {first.event.form} », reçue plus tôt : "
        "elle seule compte. "
    )
    if _content(first) == _content(later):
        return told + "Celle-ci en est la copie : la supprimer dans Kobo."
    return told + (
        "Leur contenu diffère : si celle-ci en est une copie, la supprimer dans Kobo ; si ce sont deux cas saisis avec "
        "le code d’une même feuille, donner à celle-ci le code d’une feuille neuve."
    )


def _content(mapped: Mapped) -> str:
    """What a submission tells, without what names the submission itself."""
    rows = (mapped.event, *mapped.victims, *mapped.identities, *mapped.perpetrators, *mapped.tallies, *mapped.migrants)
    return "\n".join(row.model_dump_json(exclude={"submission_key", "record_id"}) for row in rows)
