"""The records of the system, after ICS-TIP's four components (event, victim, perpetrator, reporting entity)
and the smuggling of migrants (event, migrants, smugglers).

Only the components are confirmed by a public source (UNSD, classification 2099); the variables below are the
project's own, from `data/code_lists.csv`, until ANLTP loads the official tables. Dates are ISO calendar dates as
written, without a zone. None means that the question was not asked or not answered; `unk` and `ref` are answers.
Lists of codes are kept as received: separated by spaces, in the order of the code list.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Form = Literal["traite", "trafic"]
Consent = Literal["full", "no_share", "refused"]
CountedStatus = Literal["identified", "presumed", "not_victim"]
Severity = Literal["blocking", "error", "warning"]


class Sent(BaseModel):
    """Base of what a submission tells: closed, and silent about the offending value in errors (it may be a name)."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)

    submission_key: str


class Record(Sent):
    """What a submission tells of a case."""

    case_code: str


class Event(Record):
    """ICS-TIP: event. One submission of `traite` or `trafic`; several may tell the same event."""

    form: Form
    form_release: str | None = None
    entity: str
    """ICS-TIP: reporting entity, the provider's code in the register."""
    collection_mode: str | None = None
    paper_received_date: str | None = None
    """Day on which the coordinator who copies a paper sheet received it."""
    detection_date: str | None = None
    place_region: str | None = None
    place_department: str | None = None
    place_commune: str | None = None
    detection_setting: str | None = None
    detection_channel: str | None = None
    facts_month: str | None = None
    """Last month in which the facts took place, `AAAA-MM`."""
    legal_basis: str = "unk"
    """The text in force at the date of the facts: `transforms.legal_basis`."""
    reach: str | None = None
    acts: str | None = None
    means: str | None = None
    exploitation: str | None = None
    exploitation_main: str | None = None
    sex_type: str | None = None
    labour_type: str | None = None
    labour_sector: str | None = None
    control: str | None = None
    recruitment: str | None = None
    recruitment_country: str | None = None
    recruitment_region: str | None = None
    recruitment_department: str | None = None
    recruitment_setting: str | None = None
    transit_countries: str | None = None
    exploitation_country: str | None = None
    exploitation_region: str | None = None
    exploitation_department: str | None = None
    exploitation_setting: str | None = None
    linked_trafic_code: str | None = None
    irregular_entry: str | None = None
    benefit: str | None = None
    justice_status: str | None = None
    intercepting_authority: str | None = None
    departure_country: str | None = None
    destination_country: str | None = None
    border_country: str | None = None
    direction: str | None = None
    route: str | None = None
    condition: str | None = None
    fee_xof: int | None = None
    payment_mode: str | None = None
    transport: str | None = None
    offences: str | None = None
    aggravating: str | None = None
    deaths: int | None = None
    unaccompanied_children: int | None = None
    exploitation_sign: str | None = None
    sign_act: str | None = None
    sign_means: str | None = None
    sign_child: str | None = None
    linked_traite_code: str | None = None
    count_f_child: int | None = None
    count_m_child: int | None = None
    count_f_adult: int | None = None
    count_m_adult: int | None = None
    count_unknown: int | None = None
    """Victims known only by number (traite): tallied in their event, never person rows."""
    classification_phone: str | None = None
    classification_computed: str | None = None
    classification_reason: str | None = None


class Victim(Record):
    """ICS-TIP: victim. One person as one submission tells it."""

    record_id: str
    victim_code: str
    entity: str
    consent: Consent
    sex: str
    age: int | None = None
    age_precision: str | None = None
    age_group: str
    age_band: str | None = None
    child_in_law: str
    """oui | non | nsp: under 18 at any act or exploitation."""
    nationality: str | None = None
    residence_country: str | None = None
    residence_region: str | None = None
    education: str | None = None
    marital_status: str | None = None
    identity_papers: str | None = None
    health: str | None = None
    identification_date: str | None = None
    exploitation_start: str | None = None
    age_at_entry: int | None = None
    """Age in years when the exploitation began."""
    place_region: str | None = None
    place_department: str | None = None
    acts: str | None = None
    means: str | None = None
    exploitation: str | None = None
    exploitation_main: str | None = None
    status_declared: str | None = None
    decider: str | None = None
    relation_recruiter: str | None = None
    relation_perpetrator: str | None = None
    disability: str | None = None
    needs: str | None = None
    assistance: str | None = None
    referrals: str | None = None
    classification_phone: str | None = None
    classification: str
    classification_reason: str | None


class Identity(Sent):
    """The identifying fields of a victim, kept in one table apart that reports can't read."""

    record_id: str
    given_name: str | None = None
    family_name: str | None = None
    birth_date: str | None = None
    linkage_key: str | None = None
    """What the phone kept of a name that may not leave it: `transforms.linkage_key`."""


class Perpetrator(Record):
    """ICS-TIP: perpetrator (traite) or smuggler (trafic); a natural or a legal person."""

    record_id: str
    perpetrator_code: str
    entity: str
    series: Form
    per_type: str | None = None
    sex: str | None = None
    age: int | None = None
    age_group: str
    nationality: str | None = None
    roles: str | None = None
    relation: str | None = None
    stage: str | None = None
    stage_date: str | None = None
    offence: str | None = None
    """The text under which the person is prosecuted or judged, as told."""
    sentence: str | None = None
    sentence_months: int | None = None
    place_region: str | None = None


class MigrantTally(Record):
    """Smuggled migrants known by number: one row a nationality × sex × age group of one submission."""

    entity: str
    nationality: str
    sex: str
    age_group: str
    persons: int


class Migrant(Record):
    """A smuggled migrant known in detail; always within its event's tallies, never added to them."""

    record_id: str
    migrant_code: str
    entity: str
    sex: str | None = None
    age: int | None = None
    age_group: str
    nationality: str | None = None
    unaccompanied: str | None = None
    exploitation_sign: str | None = None


class Finding(BaseModel):
    """One thing for people to correct: a row of the worklist. `value` is None where it could identify a person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    submission_key: str
    case_code: str | None
    record_id: str | None = None
    field: str
    rule: str
    severity: Severity
    message: str
    value: str | None = None


class ShownTo(BaseModel):
    """Region and family of body as the phone wrote them: in Kobo they decide which reviewers are shown the row."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)

    region_phone: str | None = None
    family_phone: str | None = None


class Mapped(BaseModel):
    """All that one submission tells, plus what was found on the way."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    event: Event
    victims: list[Victim] = []
    identities: list[Identity] = []
    perpetrators: list[Perpetrator] = []
    tallies: list[MigrantTally] = []
    migrants: list[Migrant] = []
    named: list[str] = []
    """Record ids of the victims whose answers hold a name, kept or not."""
    naming: list[str] = []
    """The same, or a key."""
    shown_to: ShownTo = ShownTo()
    findings: list[Finding] = []
    leftover: list[str] = []
    """Names of received questions that no line of the mapping table knows: kept in the raw record, counted, shown."""
