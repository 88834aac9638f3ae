"""From one submission to the records of ICS-TIP: event, victims, perpetrators, and the smuggling of migrants.

`map_submission` is pure: the same submission gives the same records. It reads by the table of `transforms.reading`,
then applies the rules of this module, one function a rule. Follow-ups, the register and declarations, which are no
cases, are read by `transforms.mapping_other`; what consent allows to keep is in `transforms.consent`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from transforms import ages, codelists
from transforms.case_code import is_case_code
from transforms.consent import consent_of, identity_of, lacks_guardian, minimal
from transforms.determination import Facts, answer, any_of, determine, purpose_of, strongest
from transforms.errors import MappingError
from transforms.legal_basis import basis_of_facts
from transforms.models import (
    Event,
    Finding,
    Form,
    Identity,
    Mapped,
    Migrant,
    MigrantTally,
    Perpetrator,
    ShownTo,
    Victim,
)
from transforms.reading import Level, Reading, question_names, read

CASE_FORMS = ("traite", "trafic")
"""The forms that tell a case."""
_ROW_SUFFIX = re.compile(r"^-[VAMS]\d{1,3}$")
RELEASE = re.compile(r"^[a-z]{4,12}-[0-9a-f]{10}$")
_TALLY_CELLS = {
    "g_f_min": ("F", "0-17"), "g_h_min": ("M", "0-17"), "g_f_adu": ("F", "18+"), "g_h_adu": ("M", "18+"),
    "g_f_inc": ("F", "unk"), "g_h_inc": ("M", "unk"), "g_inconnu": ("U", "unk"),
}  # fmt: skip
_SITUATION = ("acts", "means", "exploitation", "exploitation_main")
_OF_THE_PERSON = (
    "nationality", "residence_country", "residence_region", "education", "marital_status", "identity_papers", "health",
    "exploitation_start", "age_at_entry", "status_declared", "decider", "relation_recruiter", "relation_perpetrator",
    "disability", "needs", "assistance", "referrals",
)  # fmt: skip
_NAMES = ("given_name", "family_name", "typed_name")
_OF_THE_PERPETRATOR = (
    "nationality", "roles", "relation", "stage", "stage_date", "per_type", "offence", "sentence", "sentence_months",
)  # fmt: skip


def map_submission(submission_key: str, form: str, raw: Mapping[str, Any]) -> Mapped:
    """The records of one submission.

    Raises MappingError, with every reason found, when the submission can't be read (unknown form, or a value that
    the mapping table marks `quarantine`); every lesser problem is a Finding of the result.
    """
    if form not in CASE_FORMS:
        raise MappingError([("", "unknown_form", f"Formulaire inconnu : « {form} ».")])
    reading = read(form, raw)
    _refuse_unreadable(reading)
    top = reading.top.values
    case_code = top["case_code"]
    findings = findings_of(submission_key, case_code, reading)
    common = {"submission_key": submission_key, "case_code": case_code}
    event_values = {name: value for name, value in top.items() if name in Event.model_fields}
    event_values |= common | {
        "form": form,
        "form_release": release_of(top),
        "exploitation_main": main_form(top),
        "legal_basis": basis_of_facts(form, top.get("facts_month"), top.get("detection_date")),
    }
    mapped = Mapped(event=Event(**event_values), leftover=reading.leftover, shown_to=shown_to(top))
    if form == "traite":
        for position, level in enumerate(reading.repeats["victime"], start=1):
            _add_victim(mapped, common, level, position, top.get("started"))
    else:
        mapped.tallies = [row for level in reading.repeats["groupe"] for row in _tallies(mapped.event, level)]
        mapped.migrants = [
            _migrant(mapped.event, level, position)
            for position, level in enumerate(reading.repeats["migrant"], start=1)
        ]
    repeat, letter = ("auteur", "A") if form == "traite" else ("passeur", "S")
    mapped.perpetrators = [
        _perpetrator(mapped.event, level, f"{case_code}-{letter}{position}", "traite" if letter == "A" else "trafic")
        for position, level in enumerate(reading.repeats[repeat], start=1)
    ]
    mapped.event = classify_event(mapped)
    mapped.findings = findings + mapped.findings
    _refuse_doubled_codes(mapped)
    return mapped


def unreadable(reading: Reading, required: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Every reason why a submission must wait aside; `required` gives the question of each target it can't lack."""
    problems = [p for level in _levels(reading) for p in level.problems if p.quarantine]
    reasons = [(p.question, p.code, p.message) for p in problems]
    for target, question in required.items():
        if reading.top.values.get(target) in (None, "") and not any(p.question == question for p in problems):
            reasons.append((question, "missing", f"Question « {question} » : la réponse manque."))
    return reasons


def _refuse_unreadable(reading: Reading) -> None:
    required = {"case_code": "code_evenement", "entity": "entite", "place_region": "det_region"}
    reasons = unreadable(reading, required)
    for level in reading.repeats.get("victime", []):
        if "sex" not in level.values and not any(p.question == "v_sexe" for p in level.problems):
            reasons.append(("v_sexe", "missing", "Question « v_sexe » : la réponse manque pour une victime."))
    if reasons:
        raise MappingError(list(dict.fromkeys(reasons)))


def _levels(reading: Reading) -> list[Level]:
    return [reading.top, *(level for levels in reading.repeats.values() for level in levels)]


def release_of(top: Mapping[str, Any]) -> str | None:
    """The content version of the form; None for what no form of ours sends."""
    release = str(top.get("form_release"))
    return release if RELEASE.match(release) else None


def shown_to(top: Mapping[str, Any]) -> ShownTo:
    """What the phone wrote to decide who sees the row."""
    return ShownTo(**{name: top.get(name) for name in ShownTo.model_fields})


def findings_of(submission_key: str, case_code: str | None, reading: Reading) -> list[Finding]:
    """What of a submission was read as missing, left over, or sent by a form that is not ours."""

    def finding(field: str, rule: str, severity: Literal["error", "warning"], message: str, value: str | None = None
                ) -> Finding:  # fmt: skip
        return Finding(submission_key=submission_key, case_code=case_code, field=field, rule=rule, severity=severity,
                       message=message, value=value)  # fmt: skip

    found = [
        finding(problem.question, problem.code, "error", problem.message, problem.value)
        for level in _levels(reading)
        for problem in level.problems
    ]
    if reading.leftover:
        # A name can be typed even there: only what some form of ours asks is repeated.
        known = [name for name in reading.leftover if name.rpartition("/")[2] in question_names()]
        others = len(reading.leftover) - len(known)
        told = ", ".join([*known, *(f"question inconnue n° {number}" for number in range(1, min(others, 5) + 1))])
        message = f"{len(reading.leftover)} question(s) que le système ne connaît pas, gardée(s) à part : {told}."
        found.append(finding("", "unknown_question", "warning", message))
    if release_of(reading.top.values) is None:
        message = "La version du formulaire n’est pas de celles que le système construit."
        found.append(finding("form_release", "bad_release", "warning", message))
    return found


def _row_code(given: str | None, fallback: str) -> str:
    """The permanent code a phone gave to a row, or its position where the phone gave none that can be read."""
    case_code = fallback.rpartition("-")[0]
    own = given is not None and given.startswith(case_code) and _ROW_SUFFIX.match(given.removeprefix(case_code))
    return given if given and own else fallback


def main_form(values: Mapping[str, Any]) -> str | None:
    """The main form of exploitation: the one said, else the only one ticked."""
    if values.get("exploitation_main"):
        return str(values["exploitation_main"])
    ticked = (values.get("exploitation") or "").split()
    return ticked[0] if len(ticked) == 1 else None


def _add_victim(mapped: Mapped, common: dict[str, str], level: Level, position: int, started: str | None) -> None:
    event, values = mapped.event, level.values
    code = _row_code(values.get("victim_code"), f"{event.case_code}-V{position}")
    record_id = f"{event.submission_key}#{code}"
    # First identification as this record tells it: the victim's own date, else the event's detection.
    day = values.get("identification_date") or event.detection_date
    # An undated case: the age holds for the day the form was begun, as on the phone.
    age = ages.at_identification(values, day or started)
    known_child = age.group == "0-17" and _asks_guardian(event, values)
    consent = consent_of(values, known_child)
    child = ages.child_in_law(age.group, values.get("child_at_facts"))
    own = values.get("same_situation") == "non" and consent != "refused"
    situation = {name: values.get(name) if own else getattr(event, name) for name in _SITUATION}
    if own:
        situation["exploitation_main"] = main_form(values)
    verdict = determine(
        Facts(
            act=any_of((situation["acts"] or "").split()),
            means=any_of((situation["means"] or "").split()),
            purpose=purpose_of((situation["exploitation"] or "").split()),
            child=child,
            border=border_of(event),
            benefit=answer(event.benefit),
        )
    )
    row: dict[str, Any] = {
        "record_id": record_id, "victim_code": code, "entity": event.entity, "consent": consent,
        "sex": values["sex"], "age": age.years, "age_precision": age.precision, "age_group": age.group,
        "age_band": age.band, "child_in_law": child, "identification_date": day,
        "place_region": event.place_region, "place_department": event.place_department,
        "classification": verdict.result, "classification_reason": verdict.reason,
        "classification_phone": values.get("classification_phone"), **situation, **common,
    }  # fmt: skip
    victim = Victim(**(row | {name: values.get(name) for name in _OF_THE_PERSON}))
    mapped.victims.append(minimal(victim) if consent == "refused" else victim)
    if named := any(values.get(name) for name in _NAMES):
        mapped.named.append(record_id)
    if named or values.get("linkage_key"):
        mapped.naming.append(record_id)
    if identity := identity_of(values, consent):
        mapped.identities.append(Identity(record_id=record_id, submission_key=event.submission_key, **identity))
    mapped.findings += _contradictions(victim, values, lacks_guardian(values, known_child))


def _asks_guardian(event: Event, values: Mapping[str, Any]) -> bool:
    """Did the form ask for a child's guardian? The first release did not, and drew codes without a check character."""
    return values.get("majority") is not None or is_case_code(event.case_code)


def _contradictions(victim: Victim, values: Mapping[str, Any], no_guardian: bool) -> Iterator[Finding]:
    """A name that should have gone from the phone; a child said an adult, or recorded without an adult.

    The values themselves are not repeated.
    """

    def finding(field: str, rule: str, message: str) -> Finding:
        return Finding(submission_key=victim.submission_key, case_code=victim.case_code, record_id=victim.record_id,
                       field=field, rule=rule, severity="error", message=message)  # fmt: skip

    named = values.get("given_name") or values.get("family_name")
    if values.get("typed_name"):
        yield finding("v_nom_entier", "name_not_erased", "Un nom est resté dans la fiche : l’effacer dans Kobo.")
    elif named and (victim.consent != "full" or values.get("consent_name") == "non"):
        message = "Le nom est dans la fiche, et la personne n’a pas accepté qu’il soit transmis : l’effacer dans Kobo."
        yield finding("v_nom", "name_not_erased", message)
    if no_guardian:
        message = (
            "La personne est un enfant, et la fiche ne dit pas quel adulte est d’accord : elle est gardée comme un "
            "refus, sans nom ni clé. Demander à l’organisme, puis répondre à « v_c_adulte » dans Kobo."
        )
        yield finding("v_c_adulte", "guardian_missing", message)
    said, known = values.get("majority"), victim.age_group
    if (victim.consent != "refused" or no_guardian) and {said, known} == {"0-17", "18+"}:
        message = "L’âge dit le contraire de « enfant ou adulte » : corriger l’un des deux."
        yield finding("v_majorite", "majority_differs", message)


def border_of(event: Event) -> Literal["oui", "non", "nsp"]:
    """Was irregular entry across a border procured? Domestic movement alone never is."""
    return "non" if event.form == "traite" and event.reach == "domestic" else answer(event.irregular_entry)


def event_facts(event: Event) -> Facts:
    """The facts of an event without victim rows: on `trafic`, the signs of exploitation the agent noted."""
    border, benefit = border_of(event), answer(event.benefit)
    if event.form == "trafic":
        return Facts(
            act=answer(event.sign_act), means=answer(event.sign_means), purpose=answer(event.exploitation_sign),
            child=answer(event.sign_child), border=border, benefit=benefit,
        )  # fmt: skip
    return Facts(
        act=any_of((event.acts or "").split()), means=any_of((event.means or "").split()),
        purpose=purpose_of((event.exploitation or "").split()), border=border, benefit=benefit,
    )  # fmt: skip


def classify_event(mapped: Mapped) -> Event:
    """The event takes the strongest of its victims' results; known by numbers only, its own facts decide."""
    event = mapped.event
    result = strongest(victim.classification for victim in mapped.victims)
    if result is None:
        verdict = determine(event_facts(event))
        result, reason = verdict.result, verdict.reason
    else:
        told = (v.classification_reason for v in mapped.victims if v.classification == result)
        reason = next(filter(None, told), determine(event_facts(event)).reason)
    for phone, ours, code in [
        (event.classification_phone, result, None),
        *((v.classification_phone, v.classification, v.record_id) for v in mapped.victims),
    ]:
        if phone and phone != ours:
            mapped.findings.append(
                Finding(
                    submission_key=event.submission_key, case_code=event.case_code, record_id=code,
                    field="v_classement" if code else "classement_evt", rule="classification_differs",
                    severity="warning", value=phone,
                    message=f"Le téléphone indiquait « {codelists.label('classification', phone)} », la base calcule "
                    f"« {codelists.label('classification', ours)} ». Vérifier la fiche.",
                )
            )  # fmt: skip
    return event.model_copy(update={"classification_computed": result, "classification_reason": reason})


def _perpetrator(event: Event, level: Level, fallback: str, series: Form) -> Perpetrator:
    values = level.values
    code = _row_code(values.get("perpetrator_code"), fallback)
    legal = values.get("per_type") == "legal"
    rest = {name: values.get(name) for name in _OF_THE_PERPETRATOR}
    return Perpetrator(
        submission_key=event.submission_key, case_code=event.case_code, entity=event.entity, series=series,
        record_id=f"{event.submission_key}#{code}", perpetrator_code=code,
        sex=None if legal else values.get("sex"), age=None if legal else values.get("age"),
        age_group=ages.group_of(None if legal else values.get("age")), place_region=event.place_region, **rest,
    )  # fmt: skip


def _tallies(event: Event, level: Level) -> list[MigrantTally]:
    nationality = level.values.get("nationality") or "unk"
    return [
        MigrantTally(submission_key=event.submission_key, case_code=event.case_code, entity=event.entity,
                     nationality=nationality, sex=sex, age_group=group, persons=level.values[cell])
        for cell, (sex, group) in _TALLY_CELLS.items()
        if level.values.get(cell)
    ]  # fmt: skip


def _migrant(event: Event, level: Level, position: int) -> Migrant:
    values = level.values
    code = _row_code(values.get("migrant_code"), f"{event.case_code}-M{position}")
    age = ages.at_identification(values, event.detection_date)
    return Migrant(
        submission_key=event.submission_key, case_code=event.case_code, entity=event.entity,
        record_id=f"{event.submission_key}#{code}", migrant_code=code, sex=values.get("sex"), age=age.years,
        age_group=age.group, nationality=values.get("nationality"), unaccompanied=values.get("unaccompanied"),
        exploitation_sign=values.get("exploitation_sign"),
    )  # fmt: skip


def _refuse_doubled_codes(mapped: Mapped) -> None:
    """Two rows of one submission with one code would be one person: the submission waits for a correction."""
    for rows in (mapped.victims, mapped.perpetrators, mapped.migrants):
        seen = [row.record_id for row in rows]
        if len(seen) != len(set(seen)):
            message = "Deux lignes de la même fiche portent le même code : en supprimer une et la ressaisir."
            raise MappingError([("", "doubled_row_code", message)])
