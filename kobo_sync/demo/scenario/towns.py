"""Where things happen: communes by region, weighted by nothing but their number in the list."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from transforms import places

TOWNS: dict[str, tuple[str, ...]] = {
    "NE001": ("NE001006001", "NE001006001", "NE001002001", "NE001003002", "NE001006004"),
    "NE002": ("NE002002002", "NE002002002", "NE002006002", "NE002004002", "NE002001002"),
    "NE003": ("NE003004002", "NE003004002", "NE003006003", "NE003003002", "NE003001001"),
    "NE004": ("NE004007001", "NE004007002", "NE004007003", "NE004009007", "NE004003005", "NE004008006"),
    "NE005": ("NE005013001", "NE005013002", "NE005003003", "NE005007004", "NE005005002", "NE005011002"),
    "NE006": ("NE006012007", "NE006011005", "NE006007002", "NE006010002", "NE006013002", "NE006006001"),
    "NE007": ("NE007011001", "NE007011003", "NE007005005", "NE007005007", "NE007006004", "NE007007007"),
    "NE008": ("NE008001001", "NE008001002", "NE008001003", "NE008001004", "NE008001005"),
}
MINES = {  # Djado, Tabelot, Gougaram; Dargol (Komabangou), Gorouol, Makalondi
    "NE001": ("NE001003003", "NE001006003", "NE001002003"),
    "NE006": ("NE006007001", "NE006011002", "NE006013001"),
}
WAHAYA = {  # the Konni – Madaoua – Tahoua triangle and its edge in Maradi
    "NE005": ("NE005003003", "NE005003001", "NE005007004", "NE005008001", "NE005004003"),
    "NE004": ("NE004003005", "NE004006005", "NE004005003"),
}
PASTORAL = {  # Abalak, Tillia, Tchintabaraden; Bankilaré, Ayerou; Aderbissinat, Ingall; Bermo
    "NE005": ("NE005001001", "NE005012001", "NE005011002"),
    "NE006": ("NE006005001", "NE006002001", "NE006004001"),
    "NE001": ("NE001001001", "NE001005001"),
    "NE004": ("NE004002001", "NE004002002"),
}
KANTCHE = {  # where women and children leave for begging in Algeria
    "NE007": ("NE007005005", "NE007005006", "NE007005009", "NE007006004"),
    "NE001": ("NE001006001", "NE001002001", "NE001006001"),
}
ROADS: dict[str, dict[str, tuple[str, ...]]] = {  # smuggling: route -> region -> communes
    "libye": {"NE001": ("NE001006001", "NE001003002", "NE001003003", "NE001006003", "NE001003001")},
    "algerie": {
        "NE001": ("NE001002001", "NE001002001", "NE001006001", "NE001005001"),
        "NE005": ("NE005011002", "NE005010001", "NE005013001", "NE005012001"),
    },
    "nigeria": {
        "NE005": ("NE005003003", "NE005003003", "NE005008002"),
        "NE004": ("NE004006001", "NE004007002", "NE004009007"),
        "NE007": ("NE007006004", "NE007011002", "NE007006001"),
        "NE002": ("NE002002002", "NE002004002", "NE002002001"),
    },
    "benin": {"NE003": ("NE003006003", "NE003006003", "NE003004002", "NE003006004")},
    "burkina": {"NE006": ("NE006013001", "NE006013002", "NE006011005"), "NE008": TOWNS["NE008"]},
    "bus": {"NE008": TOWNS["NE008"], "NE003": ("NE003004002", "NE003003002"), "NE007": ("NE007011001",)},
}


def somewhere(rng: Random, region: str, special: Mapping[str, tuple[str, ...]] | None = None) -> tuple[str, str]:
    """(department, commune) in a region: one of the special places when the region has some, else a town.

    Raises ValueError when a code above is no commune of the region: a guard against typing errors.
    """
    communes = (special or {}).get(region) or TOWNS[region]
    commune = rng.choice(communes)
    department = places.parent(commune)
    if department is None or places.parent(department) != region:
        raise ValueError(f"{commune} is no commune of {region}")
    return department, commune
