"""The population that judges the linkage model: synthetic, truth known, never used in training.

Apart from the training population in names (a list of its own, with the spellings beside each; about half of the
names are not in `transforms/data/name_classes.csv`), in error model (spelling drifts letter by letter as well as by
listed variant), in seed, and in how events are told. It is by the same author, who knows which spellings vary:
read its figures as optimistic. No real person's data.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pandas as pd

SEED = 20_261_125
_WOMEN = """Aïchatou/Aishatou/Aichata/Aissatou Hadiza/Hadija/Khadidja/Hadizatou Zeinabou/Zénabou/Zainab/Zeynab
Fatchima/Fatima/Fatouma/Fatimata Mariama/Mariam/Maryama Rakia/Rakiya/Rakiatou Hajara/Hadjara/Hadjaratou
Delou/Délou Tchima/Chima/Tchimah Kaltouma/Kaltoum/Kaltume Fanta/Fantah/Fanta Rahila/Raïla/Rahilatou Ramla/Ramlatou
Oumou/Umu/Oumoul Haoua/Hawa/Hauwa Hamsatou/Hamsa/Hamsatu Balki/Balkissa/Bilkisu Salamatou/Salama/Salamatu
Firdaoussi/Firdausi/Firdaws Barira/Barirah/Bariratou Zouera/Zuwera/Zouwaïra Ladi/Ladidi Ouma/Houma Asmaou/Asmau/Asma
Indo/Hindou/Hindu Mintou/Mintu Tamar/Tamara Absatou/Habsatou/Absa Loubabatou/Lubabatu Djamila/Jamila Ganiyatou/Ganiatu
Blessing/Blesing Joy/Joie Grace/Grâce Adjoua/Adjua Afi/Afih Nafissa/Nafisa/Naffissatou Sahoura/Sahura Chafa/Shafa
""".split()  # noqa: SIM905
_MEN = """Moussa/Mousa/Musa/Moussah Mahamadou/Mamadou/Mohamed/Mouhammadou Mahamane/Maman/Mahaman Abdou/Abdu
Ibrahim/Ibrahima/Brahim Issoufou/Issoufi/Yusuf/Youssouf Oumarou/Umaru/Oumar Souleymane/Suleiman/Sulaiman
Yahaya/Yahya/Yaya/Yahia Zakari/Zakary/Zakariya/Zakaria Kabirou/Kabir/Kabiru Bassirou/Bachirou/Bashir/Bachir
Nafiou/Nafi'ou/Nafiu Saminou/Samin/Saminu Nazirou/Naziru Soumana/Sumana Seyni/Seini Boubé/Boubey
Ilou/Illou Tanko/Tankou Mani/Mâni Kimba/Kinba Hamza/Amza/Hamzah Laminou/Lamine/Lamin Aboubacar/Abubakar/Boubacar
Ousmane/Usman/Ousman Hachimou/Hashim/Hachim Habibou/Habib/Habibu Ayouba/Ayuba/Ayoub Samaïla/Samaila/Smaila
Attahirou/Attahir/Tahirou Elhadji/Alhaji Assoumane/Assouman/Assuman Chaïbou/Shaibu/Chaibu Rabiou/Rabiu
Sabiou/Sabiu/Sabio
Daouda/Dauda/Dawda Halidou/Khalid/Halid Almoustapha/Almustapha/Moustapha Adamou/Adamu/Adam Noura/Nura Marafa/Maraffa
Bachar/Bashar Ado/Adoh Kader/Abdelkader/Kadri Mansour/Mansur/Manssour Gado/Gadoh Ismaël/Ismaila/Ismail Salissou/Salisu
Emeka/Emeca Chinedu/Chinédou Kofi/Koffi Kwame/Kouamé Sékou/Sekou Alpha/Alfa""".split()  # noqa: SIM905
_CLANS = """Okonkwo/Okonko Eze/Ezeh Adeleke/Adelekeh Mensah/Mensa Owusu/Owoussou Koffi/Kofi Kouassi/Kwassi
Diarra/Jarra Fofana/Foffana Konaté/Konate/Konatey Sangaré/Sangare Bagayoko/Bagayogo Balde/Baldé Sow/Soh Ba/Bah
Zongo/Zongho Ilboudo/Ilbudo Tiendrébéogo/Tiendrebeogo Agossou/Agosu Amoussou/Amusu Johnson/Jonson Dossa/Dosa""".split()  # noqa: SIM905
_PLACES = {"NE001": 6, "NE002": 2, "NE003": 3, "NE004": 5, "NE005": 4, "NE006": 5, "NE007": 6, "NE008": 5}
_FORMS = ("mendicite", "sexuelle", "travail", "domestique", "mariage", "autre")
_DRIFTS = (("ou", "u"), ("u", "ou"), ("ch", "sh"), ("dj", "j"), ("k", "c"), ("y", "i"), ("i", "y"), ("ss", "s"),
           ("m", "mm"), ("s", "ss"), ("a", "ah"), ("e", "é"), ("o", "au"), ("h", ""), ("i", "e"),
           ("z", "s"))  # fmt: skip


def _pick(dice: random.Random, pool: list[str]) -> str:
    """The first names of a list are common (the first: 7 in 100), the last are rare: homonyms abound."""
    return dice.choices(pool, weights=[(rank + 4) ** -0.9 for rank in range(len(pool))])[0]


def _spell(dice: random.Random, name: str) -> str:
    spellings = name.split("/")
    written = spellings[0] if dice.random() < 0.6 else dice.choice(spellings)
    if dice.random() < 0.14:
        old, new = dice.choice(_DRIFTS)
        written = written.replace(old, new, 1) or written
    if dice.random() < 0.035 and len(written) > 3:  # a slip of the finger: two letters change places
        n = dice.randrange(1, len(written) - 1)
        written = written[:n] + written[n + 1] + written[n] + written[n + 2 :]
    return dice.choice([written, written, written.upper(), written.lower()])


def _place(dice: random.Random) -> list[str]:
    region = dice.choices(list(_PLACES), weights=list(_PLACES.values()))[0]
    department = f"{region}{dice.randint(1, 7):03d}"
    return [region, department, f"{department}{dice.randint(1, 5):03d}"]


def _household(dice: random.Random, number: int) -> list[dict[str, Any]]:
    foreign = dice.random() < 0.4
    nation = dice.choice(["NGA", "NGA", "MLI", "BEN", "TGO", "GHA", "BFA", "CIV", "SEN", "CMR"]) if foreign else "NER"
    surname = dice.choice(_CLANS) if foreign and nation != "NGA" else _pick(dice, _MEN)
    if dice.random() < 0.2:
        surname = f"{surname} {_pick(dice, _MEN)}"
    size = 1 if dice.random() < 0.8 else dice.randint(2, 3)
    year = dice.choice([dice.randint(2008, 2020), dice.randint(1996, 2010), dice.randint(1975, 2000)])
    people: list[dict[str, Any]] = []
    for n in range(size):
        sex = "F" if dice.random() < 0.62 else "M"
        taken = {p["given"] for p in people}
        given = _pick(dice, _WOMEN if sex == "F" else _MEN)
        while given in taken:  # no two children of a house have one name
            given = _pick(dice, _WOMEN if sex == "F" else _MEN)
        born = date(year, 1, 1) + timedelta(days=dice.randrange(365) + n * dice.randint(330, 1100))
        people.append(
            {"id": f"H{number}-{n}", "sex": sex, "given": given, "family": surname, "born": born, "nation": nation}
        )
    return people


def _told(dice: random.Random, person: dict[str, Any], when: date, where: list[str], form: str) -> dict[str, Any]:
    family = [_spell(dice, part) for part in person["family"].split()]
    if len(family) > 1 and dice.random() < 0.5:
        family = [dice.choice(family)]
    given, surname = _spell(dice, person["given"]), " ".join(family)
    fault = dice.random()
    if fault < 0.06:
        given, surname = surname, given
    elif fault < 0.14:
        surname = dice.choice(["", "", "inconnu", "X"])
    elif fault < 0.16:
        given = ""
    elif fault < 0.18:
        surname = f"{surname[:1]}."
    elif fault < 0.195:
        surname = _spell(dice, _pick(dice, _MEN))  # a guardian's name, or a husband's
    guess = when.year - person["born"].year + round(dice.gauss(0, 0.3 + 0.05 * (when.year - person["born"].year)))
    kind = dice.random()
    born = person["born"] if kind < 0.22 else date(max(when.year - guess, 1930), 1, 1) if kind < 0.34 else None
    seen = when + timedelta(days=round(dice.expovariate(1 / 2)) if dice.random() < 0.6 else 0)
    spot: list[str | None] = list(where) if dice.random() < 0.93 else list(_place(dice))
    for level in range(3 - dice.choices([0, 1, 2, 3], weights=[50, 22, 18, 10])[0], 3):
        spot[level] = None
    return {
        "person": person["id"],
        "given_name": given,
        "family_name": surname,
        "sex": "U" if dice.random() < 0.02 else person["sex"],
        "birth_date": born.isoformat() if born else None,
        "age": None if born or kind > 0.96 else float(max(guess, 0)),
        "age_date": seen.isoformat(),
        "nationality": None if dice.random() < 0.05 else "NER" if dice.random() < 0.01 else person["nation"],
        "region": spot[0],
        "department": spot[1],
        "commune": spot[2],
        "identification_date": None if dice.random() < 0.04 else seen.isoformat(),
        "exploitation_main": None if dice.random() < 0.1 else form if dice.random() < 0.85 else dice.choice(_FORMS),
    }


def population(size: int, seed: int = SEED) -> pd.DataFrame:
    """At least `size` records with the columns of `link_persons`, and `person`, the truth. Shuffled."""
    dice = random.Random(seed)
    entities = [f"ENT{n}" for n in range(20)]
    days = 540 if size <= 5_000 else 1_800
    rows: list[dict[str, Any]] = []
    events = houses = 0
    while len(rows) < size:
        events += 1
        when, where, form = date(2024, 3, 1) + timedelta(days=dice.randrange(days)), _place(dice), dice.choice(_FORMS)
        victims: list[dict[str, Any]] = []
        for _ in range(1 + int(dice.expovariate(0.8))):
            houses += 1
            victims += _household(dice, houses)
        tellers = dice.sample(entities, dice.choices([1, 2, 3, 4], weights=[30, 45, 17, 8])[0])
        for person in victims:
            for entity in [e for e in tellers if dice.random() < 0.9]:
                rows.append(
                    _told(dice, person, when, where, form) | {"entity": entity, "submission_key": f"{events}/{entity}"}
                )
            if dice.random() < 0.08:
                again, spot = (
                    when + timedelta(days=dice.randint(20, 300)),
                    where if dice.random() < 0.4 else _place(dice),
                )
                told = _told(dice, person, again, spot, form if dice.random() < 0.7 else dice.choice(_FORMS))
                rows.append(
                    told | {"entity": dice.choice(entities), "submission_key": f"{events}/again/{person['id']}"}
                )
    dice.shuffle(rows)
    return pd.DataFrame([row | {"record_id": f"R{n:06d}"} for n, row in enumerate(rows)])
