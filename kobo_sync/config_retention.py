"""The section `retention` of config.yaml: how long what is sensitive is kept. Nothing goes without a person's word."""

from __future__ import annotations

from pydantic import Field

from kobo_sync.config_strict import Strict


class RetentionConfig(Strict):
    """Months after which something is due; `kobo-sync status` says so, `kobo-sync erase --due` applies.

    `identities_months` runs from the last activity of the case: a revision, a review or a follow-up.
    """

    identities_months: int = Field(default=60, ge=1, le=1200)
    quarantine_months: int = Field(default=24, ge=1, le=1200)
    events_months: int = Field(default=60, ge=1, le=1200)
    audit_months: int = Field(default=120, ge=1, le=1200)
