"""Invented names for the demonstration's persons, composed at run time from a seed.

Given names are common in West Africa; family names are put together from syllables, so that no real person
is named and so that none of them can be read in the source: each one is a canary that a test looks for in
whatever the software leaves on the disk.

A person key says what a name must agree with: `F.NER.0012` (sex, country, number), then, if need be,
`.H003` (household: same family name) or `.N0012` (homonym: the whole name of person 0012).
"""

from __future__ import annotations

import unicodedata
from functools import cache
from random import Random

# One row a name, its usual spellings side by side: the same person is rarely written twice alike.
_SAHEL_F = (
    "Aïchatou/Aissata/Aichatou/Aïssatou", "Mariama/Maryama/Mariyama", "Fatouma/Fatima/Fatoumata",
    "Hadiza/Hadija/Khadija", "Zeinabou/Zainab/Zeïnabou", "Rahila/Rakiya/Rahilatou", "Salamatou/Salamata/Salmatou",
    "Ramatou/Ramata/Rahamatou", "Balkissa/Balkisa/Bilkissou", "Nafissa/Nafisa/Nafissatou", "Halima/Halimatou/Alima",
    "Amina/Aminatou/Aminata", "Hawa/Haoua/Awa", "Saadatou/Sadatou/Saade", "Ouma/Oumou/Umma", "Delou/Delu/Deloue",
    "Tsahara/Sahara/Tsaharatou", "Zouera/Zuera/Zouwera", "Houretou/Huretou/Houre", "Absatou/Absa/Hapsatou",
    "Fassouma/Fasuma/Fassoumatou", "Habsou/Hapsou/Habsu", "Lami/Lamy/Lammi", "Mamou/Mamu/Mammou",
)  # fmt: skip
_SAHEL_M = (
    "Moussa/Mousa/Moussah/Musa", "Mahamadou/Mamadou/Mouhamadou/Mahamadu", "Issoufou/Issufu/Youssoufou",
    "Ibrahim/Ibrahima/Brahim/Ibraheem", "Abdoulaye/Abdulaye/Abdoullahi", "Souleymane/Soulemane/Suleiman",
    "Oumarou/Umaru/Omarou", "Harouna/Haruna/Aroun", "Adamou/Adamu/Adama", "Saïdou/Saidou/Seydou",
    "Boubacar/Boubakar/Aboubacar", "Idrissa/Idriss/Driss", "Laouali/Lawali/Lawaly", "Mahaman/Mahamane/Maman",
    "Yacouba/Yakouba/Yakubu", "Salissou/Salisu/Salifou", "Ousmane/Usman/Ousmann", "Nouhou/Nuhu/Nouh",
    "Rabiou/Rabiu/Rabio", "Sani/Sanni/Sany", "Bachir/Bashir/Bachirou", "Hamidou/Amidou/Hamidu", "Tahirou/Tahir/Tahiru",
    "Kabirou/Kabiru/Kabir", "Garba/Garbah/Gharba", "Alassane/Alhassane/Lassane", "Zakari/Zakary/Zakariya",
)  # fmt: skip
_COAST_F = (
    "Blessing/Blesing/Blessin", "Grace/Gracia/Graice", "Joy/Joi/Joye", "Precious/Precius/Presious",
    "Mercy/Mercie/Mersy", "Faith/Faithe/Fait", "Afi/Afy/Affi", "Akossiwa/Akosiwa/Akossua", "Yawa/Yaoua/Yahwa",
    "Esther/Ester/Esthere", "Adjoa/Ajoa/Adjowa", "Clarisse/Clarice/Klarisse", "Odile/Audile/Odille",
    "Gloria/Glorya/Gloriah", "Rose/Roze/Rosa", "Happiness/Hapiness/Happines", "Favour/Favor/Faveur",
    "Abigail/Abigael/Abigayl", "Chidinma/Chidima/Chidnma", "Ngozi/Ngosi/N’gozi", "Osas/Ossas/Osass",
    "Victoria/Viktoria/Vitoria", "Juliet/Juliette/Juliete", "Peace/Peece/Peas", "Sandra/Sandrah/Xandra",
    "Patience/Pasience/Patians", "Vivian/Viviane/Vivienne", "Sylvie/Silvie/Sylvi", "Edwige/Edvige/Hedwige",
)  # fmt: skip
_COAST_M = (
    "Kofi/Koffi/Cofi", "Kwame/Kouame/Kwamé", "Emmanuel/Emanuel/Emmanuelle", "Samuel/Samuël/Sammuel",
    "Koku/Kokou/Coku", "Yao/Yaw/Yawo", "Sunday/Sundai/Sondai", "Festus/Festous/Festuse", "Mensah/Mensa/Mansah",
    "Junior/Junio/Djunior", "Patrice/Patris/Patrick", "Étienne/Etienne/Etiene", "Innocent/Inocent/Innocente",
    "Godwin/Godouin/Goodwin", "Romuald/Romual/Romuald-S", "Justin/Djustin/Justine",
)  # fmt: skip
_COAST = frozenset({"NGA", "BEN", "TGO", "GHA", "CMR", "CIV", "LBR", "SLE", "COG", "COD", "GAB"})

# Syllables of no language in particular, spelt as French-speaking clerks spell Hausa, Zarma and Tamasheq.
_HEADS = (
    "ga",
    "ki",
    "dou",
    "ba",
    "tan",
    "zo",
    "mou",
    "sa",
    "lo",
    "ra",
    "wa",
    "ya",
    "dja",
    "che",
    "kou",
    "bou",
    "na",
)
_MIDDLES = (
    "lam",
    "nda",
    "rou",
    "gui",
    "zen",
    "bal",
    "ko",
    "si",
    "mbo",
    "dri",
    "ngo",
    "tcha",
    "la",
    "kim",
    "sou",
    "wo",
)
_TAILS = (
    "bado",
    "garou",
    "lewa",
    "kiri",
    "tcheri",
    "wanda",
    "zoumi",
    "djiba",
    "makoy",
    "yelli",
    "ndoro",
    "kassou",
    "fima",
    "goza",
    "haro",
    "jika",
    "pouda",
    "rimbo",
    "seyno",
    "tanko",
    "vero",
    "zabil",
    "chaye",
    "dimmo",
)
_POOL = 150

VARIANTS = 11
"""Number of ways a name can be written: see `name`."""


@cache
def _families(seed: int) -> tuple[str, ...]:
    """The family names of a seed: 150 different ones of three syllables, ASCII, in a fixed order."""
    rng = Random(f"{seed}/families")
    found: dict[str, None] = {}
    while len(found) < _POOL:
        found[(rng.choice(_HEADS) + rng.choice(_MIDDLES) + rng.choice(_TAILS)).capitalize()] = None
    return tuple(found)


def _given_spellings(sex: str, country: str, number: str, seed: int) -> list[str]:
    women, men = (_COAST_F, _COAST_M) if country in _COAST else (_SAHEL_F, _SAHEL_M)
    rows: tuple[str, ...] = women if sex == "F" else men
    return Random(f"{seed}/given/{number}").choice(rows).split("/")


def _family(number: str, household: str, seed: int) -> str:
    rng = Random(f"{seed}/family/{household or number}")
    pool = _families(seed)
    # Frequent names are much more frequent than rare ones, as in life: that is what makes homonyms.
    return pool[int(len(pool) * rng.random() ** 1.6)]


def _respelt(family: str) -> str:
    """The same family name as another clerk would write it; never the same letters."""
    for old, new in (
        ("tch", "ch"),
        ("dj", "j"),
        ("ou", "u"),
        ("ch", "sh"),
        ("gui", "gi"),
        ("k", "c"),
        ("ss", "s"),
    ):
        if old in family.lower():
            return family.lower().replace(old, new, 1).capitalize()
    return family + "h"


def _mistyped(family: str) -> str:
    """Two inner letters exchanged; when they are alike, the last letter doubled."""
    middle = len(family) // 2
    swapped = family[: middle - 1] + family[middle] + family[middle - 1] + family[middle + 1 :]
    return swapped if swapped != family else family + family[-1]


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c)).upper()


def name(person_key: str, variant: int, seed: int) -> tuple[str, str]:
    """(given name, family name) of a person, as written in one report.

    `variant`: 0 as the person says it; 1 given name respelt; 2 family name respelt; 3 both respelt;
    4 given and family exchanged; 5 initial of the given name; 6 family name missing ("");
    7 family name mistyped; 8 exchanged and respelt; 9 capitals without accents; 10 as a formula that a
    spreadsheet would run.
    Raises ValueError for a key or a variant of another form.
    """
    sex, country, number, *rest = person_key.split(".")
    household = next((part for part in rest if part.startswith("H")), "")
    homonym = next((part[1:] for part in rest if part.startswith("N")), number)
    spellings = _given_spellings(sex, country, homonym, seed)
    given, other = spellings[0], spellings[1 + int(number) % (len(spellings) - 1)]
    family = _family(homonym, household, seed)
    match variant:
        case 0:
            return given, family
        case 1:
            return other, family
        case 2:
            return given, _respelt(family)
        case 3:
            return other, _respelt(family)
        case 4:
            return family, given
        case 5:
            return given[0] + ".", family
        case 6:
            return given, ""
        case 7:
            return given, _mistyped(family)
        case 8:
            return _respelt(family), other
        case 9:
            return _plain(given), _plain(family)
        case 10:
            return f'=HYPERLINK("http://exemple.invalid/","{given}")', f"@{family}"
    raise ValueError(f"no variant {variant}: 0 to {VARIANTS - 1}")


def canaries(seed: int) -> list[str]:
    """Every family name, in every spelling that `name` can give it: none may be found in clear on a disk."""
    written: dict[str, None] = {}
    for family in _families(seed):
        for spelling in (family, _respelt(family), _mistyped(family), _plain(family)):
            written[spelling] = None
    return list(written)
