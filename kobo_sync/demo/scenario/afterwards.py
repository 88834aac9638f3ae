"""What happens to the cases once they are sent: reviews, corrections, deletions, damage; and the numbering."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from kobo_sync.demo.scenario import build, others, special
from kobo_sync.demo.scenario.build import Scenario
from kobo_sync.demo.scenario.facts import ON_TIME_DAYS, Answers, Case, quarter_of

COORDINATORS = ("coord_niamey", "coord_agadez")


@dataclass
class Step:
    """One action on the server; becomes a `plan.Action` once paths are known.

    `changes` of a bulk edit: (question, row or 0) -> text.
    """

    kind: str
    case: Case
    day: int = 1
    by: str | None = None
    status: str | None = None
    answer: int = 200
    changes: dict[tuple[str, int], str] = field(default_factory=dict)


@dataclass
class Story:
    """The scenario with its order of events."""

    scenario: Scenario
    edits: list[Case]
    steps: list[Step]
    damaged: dict[str, Case]


def tell(seed: int) -> Story:
    """Draws everything: the same story for the same seed."""
    scenario = Scenario(seed)
    build.ordinary_traite(scenario)
    build.ordinary_trafic(scenario)
    build.trucks(scenario)
    special.classifications(scenario)
    special.rows_without_persons(scenario)
    special.persons(scenario)
    special.deaths(scenario)
    others.tell(scenario)
    damaged = special.damaged(scenario)
    special.second_day(scenario)
    _number(scenario.cases, damaged["xml"])
    _mark(scenario.cases)
    story = Story(scenario, [], [], damaged)
    _damage(story)
    _reviews(story)
    _second_day(story, corrected=_first_day(story))
    return story


def _number(cases: list[Case], cut: Case) -> None:
    """File names in the order of sending, so that the zip reads as a diary."""
    cases.sort(key=lambda case: (case.day, case.sent, case.code))
    counts: Counter[str] = Counter()
    for case in cases:
        counts[case.form] += 1
        case.file = f"{case.form}-{counts[case.form]:04d}.xml"
    cut.file = "casse-0001.xml"


def _mark(cases: list[Case]) -> None:
    """Tags that follow from the answers themselves."""
    for case in cases:
        households = [key.split(".")[3] for key, _ in case.persons if ".H" in key]
        if len(households) > len(set(households)):
            case.tags.append("fratrie")
        day = case.answers.get("date_detection")
        if day and case.sent.date() > quarter_of(date.fromisoformat(day))[2] + timedelta(days=ON_TIME_DAYS):
            case.tags.append("retard")
        if not case.provider.nominative:
            case.tags.append("non_nominatif")


def _edit(story: Story, of: Case, day: int, change: Callable[[Case], Any]) -> Case:
    """A corrected copy of a case, sent by a coordinator."""
    edited = copy.deepcopy(of)
    change(edited)
    stem, _, number = of.file.removesuffix(".xml").partition("-e")
    edited.file = f"{stem}-e{int(number or 0) + 1}.xml"
    edited.edit_of, edited.day = of.file, day
    edited.tags = ["correction"]
    edited.expect = None
    edited.sent = of.sent + timedelta(days=3)
    story.edits.append(edited)
    story.steps.append(Step("edit", edited, day, _coordinator(of), answer=201))
    return edited


def _coordinator(case: Case) -> str:
    return COORDINATORS[1 if case.provider.region == "NE001" else 0]


def _untouched(story: Story, form: str, wanted: Callable[[Case], bool] = lambda case: True) -> list[Case]:
    """First-day cases that show nothing special, in order, which no step has touched yet."""
    touched = {step.case.file for step in story.steps} | {step.case.edit_of for step in story.steps}
    usual = {"fratrie", "non_nominatif"}
    return [
        case
        for case in story.scenario.cases
        if case.form == form
        and case.day == 1
        and not set(case.tags) - usual
        and case.file not in touched
        and wanted(case)
    ]


def _first_row(case: Case, repeat: str) -> Answers:
    rows = case.repeats[repeat]
    return rows[0] if rows else {}


def _raise(answers: Answers, question: str, number: int) -> None:
    answers[question] = str(int(answers[question]) + number)


def _arrest(case: Case) -> None:
    case.repeats["auteur"][0] |= {"a_stade": "arrested", "a_date_stade": case.answers["date_detection"]}


def _damage(story: Story) -> None:
    """A bulk edit in Kobo checks nothing: any text goes into any question, even into one that does not exist."""
    changes: dict[str, tuple[str, int, str]] = {
        "date_detection": ("date_detection", 0, "pas une date"),
        "v_age": ("v_age", 1, "abc"),
        "v_sexe": ("v_sexe", 1, "inconnue"),
        "nb_f_adultes": ("nb_f_adultes", 0, "beaucoup"),
        "g_h_adu": ("g_h_adu", 1, "douze"),
        "actes": ("actes", 0, "recruitment vente_aux_encheres"),
        "form_release": ("form_release", 0, "traite-0123456789"),
        "question_inconnue": ("note_du_bureau", 0, "=1+1"),
    }
    for name, (question, row, text) in changes.items():
        story.steps.append(Step("bulk_edit", story.damaged[name], changes={(question, row): text}))


def _reviews(story: Story) -> None:
    rng = story.scenario.rng("visas")
    reviewed = rng.sample(_untouched(story, "traite"), 30) + rng.sample(_untouched(story, "trafic"), 20)
    for place, case in enumerate(reviewed):
        status = "not_approved" if place in (0, 1, 30) else "on_hold" if place in (2, 3, 31) else "approved"
        story.steps.append(Step("status", case, by=_coordinator(case), status=status))


def _approved(story: Story, form: str) -> list[Case]:
    return [step.case for step in story.steps if step.status == "approved" and step.case.form == form]


def _first_day(story: Story) -> Case:
    """Corrections, deletions and repeated sendings; returns the correction that will be corrected again."""
    suspect = next(
        case for case in _approved(story, "traite") if _first_row(case, "auteur").get("a_stade") == "suspected"
    )
    _edit(story, suspect, 1, _arrest)  # an approval does not cover what came after it
    counted, drowned = _untouched(story, "trafic")[3::6][:2]
    _edit(story, counted, 1, lambda case: _raise(case.repeats["groupe"][0], "g_h_adu", 2))
    _edit(story, drowned, 1, lambda case: case.answers.update(deces="1", aggravantes="danger death"))
    growing = _untouched(story, "traite", lambda case: 5 < int(_first_row(case, "victime").get("v_age", 99)) < 16)[2]
    corrected = _edit(story, growing, 1, lambda case: _raise(case.repeats["victime"][0], "v_age", 1))
    _edit(story, _untouched(story, "traite", _unnamed)[5], 1, lambda case: _one_more_victim(story, case))
    rng = story.scenario.rng("renvois")
    for form in ("traite", "trafic"):
        story.steps.append(Step("delete", _untouched(story, form)[7], answer=204))
        for case in rng.sample(_untouched(story, form), 3):  # a phone that did not hear the answer sends again
            story.steps.append(Step("resend", case, answer=202))
    return corrected


def _unnamed(case: Case) -> bool:
    return bool(case.persons) and case.persons[-1][1] is None and "v_nationalite" in case.repeats["victime"][-1]


def _one_more_victim(story: Story, case: Case) -> None:
    row = dict(case.repeats["victime"][-1])
    case.repeats["victime"].append(row)
    case.persons.append((story.scenario.registry.person(row["v_sexe"], row["v_nationalite"]), None))


def _second_day(story: Story, *, corrected: Case) -> None:
    """After the first nightly run: only these changes must travel."""
    _edit(story, corrected, 2, lambda case: case.answers.update(saisine="judged"))
    _edit(story, story.damaged["date_detection"], 2, lambda case: None)  # the date put right: out of quarantine
    october = _untouched(story, "traite", lambda case: case.answers["date_detection"].startswith("2025-10"))[0]
    _edit(story, october, 2, lambda case: case.answers.update(date_detection="2025-09-28"))
    recounted = (_untouched(story, "trafic")[20], _approved(story, "trafic")[4])
    for case in recounted:
        _edit(story, case, 2, lambda edited: _raise(edited.repeats["groupe"][0], "g_h_adu", 5))
    story.steps.append(Step("delete", _untouched(story, "traite")[30], 2, answer=204))
    back = _untouched(story, "trafic")[25]
    story.steps.append(Step("delete", back, 2, answer=204))
    story.steps.append(Step("resend", back, 2, answer=201))  # the phone still had it: accepted as new
    for place, case in enumerate(story.scenario.rng("visas/2").sample(_untouched(story, "traite"), 4)):
        status = "not_approved" if place == 0 else "approved"
        story.steps.append(Step("status", case, 2, _coordinator(case), status=status))
    held = next(step.case for step in story.steps if step.status == "on_hold")
    story.steps.append(Step("status", held, 2, _coordinator(held), status="approved"))
    refused = next(step.case for step in story.steps if step.status == "not_approved" and step.day == 1)
    story.steps.append(Step("status", refused, 2, _coordinator(refused), status=None, answer=204))
    story.steps.append(Step("resend", _untouched(story, "traite")[40], 2, answer=202))
