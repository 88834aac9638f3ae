"""The records that are no cases: follow-ups of a case, the register of providers, declarations of a quarter."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from transforms.models import Finding, Form, Record, Sent, ShownTo


class FollowUp(Record):
    """What became of a case, a victim or a perpetrator. Dates are those of the acts, as told.

    `confirm_*` are what the worker knows of the person, to tell her from others: they are compared, never counted.
    """

    form_release: str | None = None
    entity: str
    paper_received_date: str | None = None
    """Day on which the sheet came, when somebody copies a paper."""
    subject_form: Form
    subject: Literal["cas", "victime", "auteur"]
    row_no: int | None = None
    confirm_sex: str | None = None
    confirm_band: str | None = None
    confirm_month: str | None = None
    """Month in which the case came to light, `AAAA-MM`."""
    kinds: str
    assistance: str | None = None
    assistance_date: str | None = None
    return_type: str | None = None
    return_country: str | None = None
    return_date: str | None = None
    reintegration: str | None = None
    reintegration_date: str | None = None
    stage: str | None = None
    stage_date: str | None = None
    offence: str | None = None
    sentence: str | None = None
    sentence_months: int | None = None
    withdrawal: Literal["partage", "tout"] | None = None
    withdrawal_date: str | None = None


class ProviderEntry(Sent):
    """One sheet of the provider register, as a coordinator filled it with the body. A shelter: its region only."""

    form_release: str | None = None
    paper_received_date: str | None = None
    provider: str | None = None
    """Code in the register, or None for a body that is not in it yet."""
    name: str | None = None
    ent_type: str | None = None
    region: str
    department: str | None = None
    services: str | None = None
    data_held: str | None = None
    tools: str | None = None
    since_year: int | None = None
    data_basis: str | None = None
    names: str | None = None
    """oui | non: may the body pass on names?"""
    frequency: str | None = None
    mou_state: str | None = None
    mou_date: str | None = None
    still_true: str | None = None


class ProviderContact(Sent):
    """Whom to call at a provider, and what was typed freely: kept apart, in a table that reports can't read."""

    focal_name: str | None = None
    focal_role: str | None = None
    focal_phone: str | None = None
    focal_email: str | None = None
    deputy_name: str | None = None
    deputy_phone: str | None = None
    refusal_reason: str | None = None


class Declaration(Sent):
    """A provider's word on one quarter: its numbers, or none (*état néant*). Never a case, never added to cases."""

    form_release: str | None = None
    entity: str
    mode: str | None = None
    call_date: str | None = None
    quarter: str
    """`2026-T3`."""
    nothing: Literal["oui", "non"]
    events_traite: int
    victims: int
    events_trafic: int
    migrants: int
    certified: str | None = None


class Other(BaseModel):
    """One submission that is no case, as read, plus what was found on the way."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    form: Literal["suivi", "fournisseur", "declaration"]
    record: FollowUp | ProviderEntry | Declaration
    contact: ProviderContact | None = None
    shown_to: ShownTo = ShownTo()
    findings: list[Finding] = []
    leftover: list[str] = []
