"""Who is expected to report. A list in the configuration; the provider register replaces it later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Provider:
    """One provider of data: its code in the forms, its label, region (P-code), family and kind of body."""

    code: str
    label: str
    region: str
    family: str
    ent_type: str
    since: str
    """ISO date from which it is expected to report."""
    nominative: bool = True
    """May it pass on names? As ANLTP's list says."""


def by_code(providers: Iterable[Provider]) -> dict[str, Provider]:
    """The register by code."""
    return {provider.code: provider for provider in providers}
