"""Follow-ups and the cases they name: found by code and row, confirmed by sex, age band and month.

A follow-up whose case is not known, or whose confirmation contradicts the record, waits in the worklist. One that
agrees is kept beside its case; it changes no count, but a withdrawal of consent takes effect at once, and lasts:
`transforms.withdrawals`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from transforms.ages import band_of, group_of_band
from transforms.counting import Review
from transforms.derive import Received
from transforms.models import Finding, Mapped, Migrant, Perpetrator, Severity, Victim
from transforms.models_other import FollowUp, Other
from transforms.withdrawals import Withdrawn, apply, is_news, standing

Person = Victim | Migrant | Perpetrator

MATCHED = "matched"
WAITING = ("unknown_case", "unknown_row", "differs", "no_person", "to_confirm")
"""States of a follow-up that waits for a person."""
SET_ASIDE = "set_aside"
"""A person did not approve it, or holds it."""

_LETTER = {("traite", "victime"): "V", ("trafic", "victime"): "M", ("traite", "auteur"): "A", ("trafic", "auteur"): "S"}
_HELD = ("not_approved", "on_hold")
_MESSAGE = {
    "unknown_case": "Aucune fiche lisible ne porte ce code de cas : vérifier le code et le formulaire sur le registre. "
    "Si la fiche du cas n’est pas encore envoyée, le suivi attend.",
    "unknown_row": "La fiche du cas n’a pas cette ligne : vérifier le numéro de la victime ou de l’auteur.",
    "differs": "Ne correspond pas à la fiche du cas : {what}. Vérifier le code, la ligne et ces réponses.",
    "no_person": "Le retrait ne dit pas de quelle personne : désigner la ligne de la victime.",
    "to_confirm": "Le retrait d’accord n’est pas assez sûr pour être appliqué : le sexe, et l’âge ou le mois, doivent "
    "être ceux de la fiche du cas. Appeler l’organisme, puis compléter ces réponses.",
}
_FIELD = {
    "unknown_case": "code_cas", "unknown_row": "ligne_no", "differs": "g_confirmer", "no_person": "ligne",
    "to_confirm": "g_confirmer",
}  # fmt: skip
_RULE = {state: f"follow_{state}" for state in WAITING} | {"to_confirm": "withdrawal_to_confirm"}
_OTHER_BODY = (
    "Ce retrait d’accord vient d’un autre organisme que celui de la fiche du cas. Il est appliqué : vérifier avec les "
    "deux organismes que la personne l’a bien demandé."
)


@dataclass(frozen=True)
class ReceivedOther:
    """One readable submission that is no case, with what the server knows of it. `received`: ISO day in Niamey."""

    other: Other
    received: str
    submission_time: str
    order: int
    review: Review
    account: str | None = None
    """The account that sent it."""


@dataclass
class Followed:
    """One follow-up with what became of it. `target_key`: the record or submission that it names, once matched.

    `withdrawn`: what it takes back for the first time, to be recorded for good.
    """

    sent: ReceivedOther
    follow_up: FollowUp
    state: str
    target_key: str | None = None
    findings: list[Finding] = field(default_factory=list)
    withdrawn: list[Withdrawn] = field(default_factory=list)


def follow(
    cases: Sequence[Received], others: Sequence[ReceivedOther], recorded: Sequence[Withdrawn] = ()
) -> tuple[list[Received], list[Followed]]:
    """The cases, with every withdrawal applied, and what became of each follow-up.

    `recorded`: the withdrawals of earlier nights, oldest first; they hold whatever became of their follow-ups. A code
    that several submissions bear (a copy on the server) is looked for in all of them: a name must not stay in the
    copy, so once one of them confirms the person, the same row of each is meant.
    """
    by_code: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, case in enumerate(cases):
        by_code[case.mapped.event.form, case.mapped.event.case_code].append(place)
    history, followed = list(recorded), []
    for sent in sorted(others, key=lambda o: (o.submission_time, o.order)):
        told = sent.other.record
        if not isinstance(told, FollowUp):
            continue
        candidates = [cases[place].mapped for place in by_code[told.subject_form, told.case_code]]
        item = _judge(sent, told, candidates)
        followed.append(item)
        if item.state == MATCHED and told.withdrawal:
            item.withdrawn = [new for new in _withdrawn(sent, told, candidates) if is_news(new, history)]
            history += item.withdrawn
            item.findings += _other_body(told, candidates)
    hold = standing(history)
    return [replace(case, mapped=apply(case.mapped, hold)) for case in cases], followed


def _withdrawn(sent: ReceivedOther, told: FollowUp, candidates: Sequence[Mapped]) -> list[Withdrawn]:
    """What a matched withdrawal takes back, by the code of the row: one, unless the copies of a case differ."""
    assert told.withdrawal is not None
    cases_of: dict[str, list[str]] = defaultdict(list)
    for mapped in candidates:
        for person in _confirmed(told, mapped):
            cases_of[_row_code(person)].append(mapped.event.submission_key)
    return [
        Withdrawn(row_code, told.withdrawal, sent.account or "suivi", told.submission_key, tuple(sorted(keys)))
        for row_code, keys in cases_of.items()
    ]


def _other_body(told: FollowUp, candidates: Sequence[Mapped]) -> list[Finding]:
    senders = {mapped.event.entity for mapped in candidates if _confirmed(told, mapped)}
    return [] if told.entity in senders else [_finding(told, "entite", "withdrawal_by_other", "warning", _OTHER_BODY)]


def _finding(told: FollowUp, field: str, rule: str, severity: Severity, message: str) -> Finding:
    return Finding(submission_key=told.submission_key, case_code=told.case_code, field=field, rule=rule,
                   severity=severity, message=message)  # fmt: skip


def _judge(sent: ReceivedOther, told: FollowUp, candidates: Sequence[Mapped]) -> Followed:
    if sent.review.state in _HELD:
        return Followed(sent, told, SET_ASIDE)
    state, target, differing = _matched(told, candidates)
    item = Followed(sent, told, state, target)
    if state in WAITING:
        message = _MESSAGE[state].format(what=", ".join(differing))
        item.findings.append(_finding(told, _FIELD[state], _RULE[state], "error", message))
    return item


def _matched(told: FollowUp, candidates: Sequence[Mapped]) -> tuple[str, str | None, list[str]]:
    """State, what is named, and which answers of the confirmation contradict the record."""
    if not candidates:
        return "unknown_case", None, []
    differing: list[str] = []
    with_row = unsure = False
    for mapped in candidates:
        for person in _named(told, mapped):
            with_row = True
            if not (differing := contradictions(told, mapped, person)):
                if told.withdrawal and not _named_for_withdrawal(told, mapped):
                    return "no_person", None, []
                if told.withdrawal and not _confirmed(told, mapped):
                    unsure = True
                    continue
                return MATCHED, person.record_id if person else mapped.event.submission_key, []
    return ("to_confirm" if unsure else "differs" if with_row else "unknown_row"), None, differing


def _named(told: FollowUp, mapped: Mapped) -> Iterator[Person | None]:
    """The row that a follow-up names; None for the case as a whole."""
    if told.subject == "cas":
        yield None
        return
    code = f"{told.case_code}-{_LETTER[told.subject_form, told.subject]}{told.row_no}"
    rows: tuple[Person, ...] = (*mapped.victims, *mapped.migrants, *mapped.perpetrators)
    yield from (row for row in rows if _row_code(row) == code)


def _row_code(person: Person) -> str:
    if isinstance(person, Victim):
        return person.victim_code
    return person.migrant_code if isinstance(person, Migrant) else person.perpetrator_code


def _named_for_withdrawal(told: FollowUp, mapped: Mapped) -> list[Person]:
    """Whose consent a withdrawal may take back: the person whose row it names; the form lets it name no other."""
    return [row for row in _named(told, mapped) if row is not None] if told.subject == "victime" else []


def _confirmed(told: FollowUp, mapped: Mapped) -> list[Person]:
    return [person for person in _named_for_withdrawal(told, mapped) if _is_sure(told, mapped, person)]


def _is_sure(told: FollowUp, mapped: Mapped, person: Person) -> bool:
    """Is it surely this person? What a withdrawal drops stays dropped: more must agree than for another follow-up.

    Nothing contradicts; the sex agrees, and the age or the month, wherever the record knows them.
    """
    if contradictions(told, mapped, person):
        return False
    sex, age = _sex(told, person), _age(told, person)
    month = _month(told.confirm_month, mapped.event.detection_date)
    dated = person.age_group != "unk" or mapped.event.detection_date is not None
    return (sex is True or person.sex not in ("F", "M")) and (age is True or month is True or not dated)


def contradictions(told: FollowUp, mapped: Mapped, person: Person | None) -> list[str]:
    """Which answers of the confirmation are not those of the record, in words; empty when it agrees.

    What either side does not know contradicts nothing; but one answer at least must agree, where the record knows any.
    """
    compared = {
        "le sexe": _sex(told, person),
        "la tranche d’âge": _age(told, person),
        "le mois": _month(told.confirm_month, mapped.event.detection_date),
    }
    wrong = [what for what, agrees in compared.items() if agrees is False]
    if wrong or True in compared.values() or not _known(mapped, person):
        return wrong
    return ["rien ne confirme la personne" if person else "le mois"]


def _known(mapped: Mapped, person: Person | None) -> bool:
    """Does the record know anything that a follow-up could confirm?"""
    of_person = person is not None and (person.sex in ("F", "M") or person.age_group != "unk")
    return of_person or mapped.event.detection_date is not None


def _sex(told: FollowUp, person: Person | None) -> bool | None:
    if person is None or told.confirm_sex not in ("F", "M") or person.sex not in ("F", "M"):
        return None
    return told.confirm_sex == person.sex


def _age(told: FollowUp, person: Person | None) -> bool | None:
    if person is None or told.confirm_band in (None, "unk"):
        return None
    band = person.age_band if isinstance(person, Victim) else None
    if band is None and person.age is not None:
        band = band_of(person.age)
    if band is not None:
        return told.confirm_band == band
    return None if person.age_group == "unk" else group_of_band(str(told.confirm_band)) == person.age_group


def _month(said: str | None, detected: str | None) -> bool | None:
    return said == detected[:7] if said and detected else None
