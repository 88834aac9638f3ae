"""From one submission of `suivi`, `fournisseur` or `declaration` to its record. Pure, as `transforms.mapping`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from transforms.errors import MappingError
from transforms.mapping import findings_of, release_of, shown_to, unreadable
from transforms.models import Sent
from transforms.models_other import Declaration, FollowUp, Other, ProviderContact, ProviderEntry
from transforms.reading import Reading, read

OTHER_FORMS = ("suivi", "fournisseur", "declaration")
"""The forms that tell no case."""

_NUMBERS = {
    "events_traite": "nb_traite", "victims": "nb_victimes", "events_trafic": "nb_trafic", "migrants": "nb_migrants",
}  # fmt: skip
_PERSON = ("victime", "auteur")
_Record = TypeVar("_Record", bound=Sent)


def map_other(submission_key: str, form: str, raw: Mapping[str, Any]) -> Other:
    """The record of one submission. Raises MappingError, with every reason found, when it can't be read."""
    if form == "suivi":
        return _follow_up(submission_key, raw)
    if form == "fournisseur":
        return _provider(submission_key, raw)
    if form == "declaration":
        return _declaration(submission_key, raw)
    raise MappingError([("", "unknown_form", f"Formulaire inconnu : « {form} ».")])


def _read(form: str, raw: Mapping[str, Any], required: Mapping[str, str]) -> Reading:
    reading = read(form, raw)
    if reasons := unreadable(reading, required):
        raise MappingError(list(dict.fromkeys(reasons)))
    return reading


def _record(model: type[_Record], submission_key: str, values: Mapping[str, Any]) -> _Record:
    return model(**{"submission_key": submission_key, **{k: v for k, v in values.items() if k in model.model_fields}})


def _values(reading: Reading) -> dict[str, Any]:
    return reading.top.values | {"form_release": release_of(reading.top.values)}


def _follow_up(submission_key: str, raw: Mapping[str, Any]) -> Other:
    required = {"case_code": "code_normal", "entity": "entite", "subject_form": "fiche", "subject": "ligne",
                "kinds": "suivi_types"}  # fmt: skip
    reading = _read("suivi", raw, required)
    values = _values(reading)
    if values["subject"] in _PERSON and not values.get("row_no"):
        raise MappingError([("ligne_no", "missing", "Question « ligne_no » : la réponse manque.")])
    return Other(
        form="suivi",
        record=_record(FollowUp, submission_key, values),
        shown_to=shown_to(values),
        findings=findings_of(submission_key, values["case_code"], reading),
        leftover=reading.leftover,
    )


def _provider(submission_key: str, raw: Mapping[str, Any]) -> Other:
    reading = _read("fournisseur", raw, {"region": "org_region"})
    values = _values(reading)
    if not values.get("provider") and not values.get("name"):
        raise MappingError([("org_code", "missing", "Question « org_code » : ni code ni nom d’organisme.")])
    contact = _record(ProviderContact, submission_key, values)
    return Other(
        form="fournisseur",
        record=_record(ProviderEntry, submission_key, values),
        contact=contact,
        findings=findings_of(submission_key, None, reading),
        leftover=reading.leftover,
    )


def _declaration(submission_key: str, raw: Mapping[str, Any]) -> Other:
    required = {"entity": "entite", "year": "annee", "quarter": "trimestre", "nothing": "neant"}
    reading = _read("declaration", raw, required)
    values = _values(reading)
    if values["nothing"] not in ("oui", "non"):
        raise MappingError([("neant", "bad_code", "Question « neant » : répondre oui ou non.")])
    if not 2000 <= values["year"] <= 2100:
        raise MappingError([("annee", "bad_number", "Question « annee » : ce n’est pas une année.")])
    numbers = {name: values.get(name) for name in _NUMBERS}
    if values["nothing"] == "non":
        lacking = [question for name, question in _NUMBERS.items() if numbers[name] is None]
        if lacking:
            raise MappingError([(q, "missing", f"Question « {q} » : la réponse manque.") for q in lacking])
    if (values["nothing"] == "oui") == any(numbers.values()):
        message = "« État néant » et les nombres se contredisent : corriger l’un des deux."
        raise MappingError([("neant", "contradiction", message)])
    values |= {name: number or 0 for name, number in numbers.items()}
    values["quarter"] = f"{values['year']}-{values['quarter']}"
    return Other(
        form="declaration",
        record=_record(Declaration, submission_key, values),
        shown_to=shown_to(values),
        findings=findings_of(submission_key, None, reading),
        leftover=reading.leftover,
    )
