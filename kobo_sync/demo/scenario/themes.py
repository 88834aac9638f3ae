"""The forms that trafficking takes in Niger, as the public reports name them: one row a theme.

Sources: the agency's own communication (begging, Algeria, sexual exploitation, forced labour), country
reports (hereditary slavery, wahaya, gold mines, herding, domestic servitude, forced marriage), the
International Organization for Migration's study of 2017–2021 for ages and nationalities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kobo_sync.demo.scenario import towns


@dataclass(frozen=True)
class Theme:
    """One form of trafficking: what is usual (`…`) and what may come on top (`…_more`)."""

    acts: tuple[str, ...]
    means: tuple[str, ...]
    purposes: tuple[str, ...]
    recruitment: Mapping[str, float]
    place: Mapping[str, float]
    ages: tuple[int, int]
    girls: float
    """Share of women and girls."""
    nationality: Mapping[str, float]
    relation: Mapping[str, float]
    roles: tuple[str, ...]
    number: tuple[int, ...]
    """Numbers of detailed victims to draw from."""
    acts_more: tuple[str, ...] = ()
    means_more: tuple[str, ...] = ()
    purposes_more: tuple[str, ...] = ()
    labour: tuple[str, ...] = ()
    control: tuple[str, ...] = ()
    crossing: float = 0.0
    """Share of events that cross a border."""
    destination: Mapping[str, float] = field(default_factory=dict)
    """Country of exploitation of the events that cross a border (else Niger)."""
    towns: Mapping[str, tuple[str, ...]] | None = None
    crowd: float = 0.0
    """Share of events in which more victims are known only by number."""


_FAMILY = {"ThroughFamilyOrFamilyEvents": 6, "ThroughFriendsOrSocialEvents": 2, "unk": 1}
_NER = {"NER": 1.0}

THEMES: dict[str, Theme] = {
    "talibe": Theme(
        acts=("recruitment", "harbouring"), acts_more=("transportation", "receipt"),
        means=("abuse_vuln",), means_more=("payment", "force_threat", "abuse_power"),
        purposes=("begging",), purposes_more=("forced_labour",), labour=("Begging",),
        control=("TakesEarnings", "PhysicalAbuse", "WithholdsNecessities"),
        recruitment={"koranic": 9, "ThroughFamilyOrFamilyEvents": 2}, place={"street": 6, "school": 3, "home": 1},
        ages=(6, 15), girls=0.06, nationality={"NER": 0.85, "NGA": 0.13, "BEN": 0.02},
        relation={"religious": 9, "Family": 1}, roles=("RecruiterOrIntermediary", "Exploiter"),
        number=(1, 1, 2, 2, 3, 4, 5), crossing=0.12, destination=_NER, crowd=0.15,
    ),
    "algerie": Theme(
        acts=("recruitment", "transportation"), acts_more=("harbouring", "transfer"),
        means=("deception", "abuse_vuln"), means_more=("payment", "fraud"), purposes=("begging",),
        purposes_more=("forced_labour",), labour=("Begging",),
        control=("TakesEarnings", "DebtBondage", "FalsePromises"),
        recruitment={"ThroughFriendsOrSocialEvents": 5, **_FAMILY}, place={"road": 5, "checkpoint": 3, "border": 2},
        ages=(4, 38), girls=0.68, nationality=_NER, relation={"Acquainted": 5, "Family": 3, "Unacquainted": 2},
        roles=("RecruiterOrIntermediary", "Transporter"), number=(2, 3, 3, 4, 5, 6), crossing=1.0,
        destination={"DZA": 1.0}, towns=towns.KANTCHE, crowd=0.3,
    ),
    "wahaya": Theme(
        acts=("transfer", "receipt"), acts_more=("harbouring",), means=("payment", "abuse_power"),
        means_more=("force_threat",), purposes=("wahaya", "sexual"), purposes_more=("servitude", "marriage"),
        labour=("DomesticWork",), control=("SexualAbuse", "RestrictsMovement", "PhysicalAbuse", "Threats"),
        recruitment={"Born": 3, **_FAMILY}, place={"home": 9, "farm": 1}, ages=(11, 34), girls=1.0,
        nationality={"NER": 0.96, "NGA": 0.04}, relation={"chief": 8, "IntimatePartner": 2},
        roles=("BoughtIndividual", "Exploiter"), number=(1, 1, 1, 2), crossing=0.1,
        destination={"NGA": 1.0}, towns=towns.WAHAYA,
    ),
    "heritage": Theme(
        acts=("harbouring",), acts_more=("transfer", "receipt"), means=("abuse_power", "coercion"),
        means_more=("force_threat",), purposes=("slavery_hereditary",), purposes_more=("forced_labour", "servitude"),
        labour=("herding",), control=("Threats", "RestrictsMovement", "TakesEarnings", "PsychologicalAbuse"),
        recruitment={"Born": 10}, place={"farm": 5, "home": 4, "other": 1}, ages=(7, 58), girls=0.45,
        nationality={"NER": 0.97, "MLI": 0.03}, relation={"chief": 10}, roles=("ControlledIndividual", "Exploiter"),
        number=(1, 1, 2, 3, 4), towns=towns.PASTORAL,
    ),
    "orpaillage": Theme(
        acts=("recruitment", "transportation"), acts_more=("harbouring", "receipt"), means=("deception",),
        means_more=("fraud", "abuse_vuln", "force_threat"), purposes=("forced_labour",),
        labour=("goldmining",), control=("DebtBondage", "TakesEarnings", "ExcessiveWorkingHours", "FalsePromises"),
        recruitment={"AtWork": 3, "ThroughFriendsOrSocialEvents": 5, "unk": 2}, place={"mine": 10},
        ages=(12, 34), girls=0.08, nationality={"NER": 0.62, "BFA": 0.1, "NGA": 0.1, "TCD": 0.08, "SDN": 0.05,
                                                "MLI": 0.05},
        relation={"employer": 7, "Acquainted": 2, "Unacquainted": 1}, roles=("Exploiter",),
        number=(1, 2, 2, 3, 4, 6), crossing=0.25, destination=_NER, towns=towns.MINES, crowd=0.2,
    ),
    "domesticite": Theme(
        acts=("recruitment", "receipt"), acts_more=("transportation", "harbouring"), means=("deception",),
        means_more=("abuse_vuln", "payment", "abuse_power"), purposes=("servitude",),
        purposes_more=("forced_labour",), labour=("DomesticWork",),
        control=("ExcessiveWorkingHours", "RestrictsMovement", "WithholdsNecessities", "PhysicalAbuse"),
        recruitment=_FAMILY, place={"home": 9, "business": 1}, ages=(9, 21), girls=0.93,
        nationality={"NER": 0.8, "BEN": 0.08, "TGO": 0.07, "NGA": 0.05}, relation={"employer": 7, "Family": 3},
        roles=("RecruiterOrIntermediary", "Exploiter"), number=(1, 1, 1, 2), crossing=0.15, destination=_NER,
    ),
    "elevage": Theme(
        acts=("recruitment",), acts_more=("transfer", "receipt"), means=("abuse_vuln",),
        means_more=("deception", "payment", "abuse_power"), purposes=("forced_labour",), labour=("herding",),
        control=("ExcessiveWorkingHours", "TakesEarnings", "WithholdsNecessities"), recruitment=_FAMILY,
        place={"farm": 9, "other": 1}, ages=(8, 17), girls=0.03, nationality={"NER": 0.9, "BEN": 0.05, "NGA": 0.05},
        relation={"employer": 6, "Family": 3, "Acquainted": 1}, roles=("Exploiter",), number=(1, 1, 2),
        crossing=0.1, destination={"NGA": 0.6, "BEN": 0.4}, towns=towns.PASTORAL,
    ),
    "mariage": Theme(
        acts=("transfer", "receipt"), acts_more=("transportation",), means=("payment",),
        means_more=("force_threat", "abuse_power", "coercion"), purposes=("marriage",),
        purposes_more=("sexual", "servitude"), labour=("DomesticWork",),
        control=("SexualAbuse", "RestrictsMovement", "Threats"),
        recruitment={"ThroughFamilyOrFamilyEvents": 9, "unk": 1}, place={"home": 10}, ages=(12, 22), girls=1.0,
        nationality={"NER": 0.92, "NGA": 0.08}, relation={"Family": 6, "IntimatePartner": 4},
        roles=("TransferredIndividual", "Exploiter"), number=(1, 1, 1, 2), crossing=0.15, destination={"NGA": 1.0},
    ),
    "sexuelle": Theme(
        acts=("recruitment", "transportation"), acts_more=("harbouring", "receipt"), means=("deception",),
        means_more=("fraud", "force_threat", "abuse_vuln", "coercion"), purposes=("sexual",),
        purposes_more=("servitude",), labour=("Hospitality",),
        control=("DebtBondage", "TakesEarnings", "SexualAbuse", "Threats", "WithholdsDocuments", "FalsePromises"),
        recruitment={"ThroughFriendsOrSocialEvents": 5, "ThroughOnlineSocialNetworks": 3, "AtAPlaceOfBusiness": 1,
                     "unk": 1},
        place={"brothel": 7, "home": 1, "road": 2}, ages=(14, 31), girls=0.97,
        nationality={"NGA": 0.66, "NER": 0.2, "GHA": 0.04, "TGO": 0.04, "BEN": 0.04, "CMR": 0.02},
        relation={"Acquainted": 5, "Unacquainted": 3, "Friend": 2}, roles=("RecruiterOrIntermediary", "Exploiter"),
        number=(1, 1, 2, 3, 4), crossing=0.75, destination={"NER": 0.75, "DZA": 0.1, "LBY": 0.15}, crowd=0.1,
    ),
    "promesses": Theme(
        acts=("recruitment", "receipt"), acts_more=("harbouring",), means=("deception", "fraud"),
        means_more=("coercion",), purposes=("forced_labour",), purposes_more=("criminality",),
        labour=("Peddling",), control=("FalsePromises", "WithholdsDocuments", "RestrictsMovement"),
        recruitment={"ThroughOnlineSocialNetworks": 6, "ThroughAnOnlineAdvertisement": 2,
                     "ThroughFriendsOrSocialEvents": 2},
        place={"home": 7, "business": 3}, ages=(18, 33), girls=0.15,
        nationality={"BEN": 0.3, "TGO": 0.25, "BFA": 0.2, "CIV": 0.15, "GHA": 0.1},
        relation={"Acquainted": 6, "Friend": 4},
        roles=("RecruiterOrIntermediary", "Exploiter"), number=(2, 3, 4, 5), crossing=1.0, destination=_NER, crowd=0.3,
    ),
    "armes": Theme(
        acts=("recruitment",), acts_more=("transfer", "harbouring"), means=("abduction",),
        means_more=("force_threat", "coercion"), purposes=("armed",), purposes_more=("sexual", "marriage"),
        labour=("Other",), control=("Threats", "PhysicalAbuse", "RestrictsMovement"),
        recruitment={"Abducted": 8, "unk": 2}, place={"other": 6, "checkpoint": 2, "home": 2}, ages=(10, 24), girls=0.3,
        nationality={"NER": 0.8, "NGA": 0.2}, relation={"Unacquainted": 8, "Acquainted": 2},
        roles=("Kidnapper", "Exploiter"), number=(1, 1, 2, 3), crossing=0.3, destination={"NGA": 0.8, "MLI": 0.2},
    ),
    "autres": Theme(
        acts=("recruitment",), acts_more=("transportation",), means=("deception",), means_more=("abuse_vuln",),
        purposes=("criminality",), labour=("IllicitActivities",), control=("Threats", "FalsePromises"),
        recruitment={"unk": 5, "ThroughFriendsOrSocialEvents": 5}, place={"street": 5, "unk": 2},
        ages=(13, 40), girls=0.4, nationality={"NER": 0.8, "NGA": 0.2}, relation={"Unknown": 5, "Acquainted": 5},
        roles=("Exploiter",), number=(1, 1, 2), crossing=0.1, destination=_NER,
    ),
}  # fmt: skip

BY_REGION: dict[str, dict[str, float]] = {
    "NE001": {"orpaillage": 30, "sexuelle": 24, "algerie": 24, "heritage": 8, "domesticite": 6, "promesses": 4,
              "autres": 2},
    "NE002": {"armes": 36, "mariage": 24, "talibe": 16, "elevage": 12, "sexuelle": 8, "autres": 4},
    "NE003": {"talibe": 26, "elevage": 20, "domesticite": 20, "sexuelle": 18, "mariage": 10, "autres": 6},
    "NE004": {"talibe": 25, "mariage": 22, "wahaya": 16, "elevage": 16, "domesticite": 16, "autres": 3},
    "NE005": {"wahaya": 28, "heritage": 26, "sexuelle": 18, "talibe": 12, "elevage": 12, "autres": 4},
    "NE006": {"orpaillage": 28, "elevage": 18, "heritage": 16, "armes": 14, "talibe": 12, "domesticite": 12},
    "NE007": {"algerie": 34, "talibe": 24, "mariage": 16, "domesticite": 14, "wahaya": 6, "autres": 6},
    "NE008": {"talibe": 25, "domesticite": 24, "sexuelle": 22, "promesses": 12, "mariage": 8, "algerie": 5,
              "autres": 4},
}  # fmt: skip
