"""Names as they are written in the Sahel, brought to keys that survive their spellings.

A name goes through three steps: *normalise* (case, accents, punctuation), *fold* (one letter for the
digraphs that French, Hausa and English write differently) and *key* (the class of one name, from
`data/name_classes.csv`, where folding alone does not bring its variants together).
"""

import csv
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

# Literal replacements, in this order. "x" stands for the sound of ch/sh once real x has become ks.
FOLDING: tuple[tuple[str, str], ...] = (
    ("x", "ks"),
    ("ph", "f"),
    ("tch", "x"),
    ("sch", "x"),
    ("ch", "x"),
    ("sh", "x"),
    ("dj", "j"),
    ("h", ""),  # mute, alone (Haoua/Awa, Yahaya/Yaya) and in kh, gh, th, dh
    ("qu", "k"),
    ("q", "k"),
    ("ck", "k"),
    ("ce", "se"),
    ("ci", "si"),
    ("cy", "si"),
    ("c", "k"),
    ("ou", "u"),
    ("oo", "u"),
    ("w", "u"),
    ("ee", "i"),
    ("y", "i"),
    ("ai", "e"),
    ("ei", "e"),
    ("ae", "e"),
)
# Hausa and Fulfulde letters that have no decomposition in Unicode, and ligatures.
_LETTERS = str.maketrans({"ɓ": "b", "ɗ": "d", "ƙ": "k", "ƴ": "y", "ŋ": "ng", "ɲ": "ny", "œ": "oe", "æ": "e",
                          "ʼ": "", "'": "", "’": "", "‘": "", "`": "", "ø": "o", "ł": "l"})  # fmt: skip
PARTICLES = frozenset((
    "el", "al", "ould", "oul", "ag", "bint", "ben", "bin", "ibn", "mint", "wallet", "walet", "wlet", "dan", "di", "de",
    "da", "des", "du", "la", "le",
))  # fmt: skip
TITLES = frozenset((
    "elhadj", "elhadji", "alhaji", "alhadji", "alhadj", "hadj", "hadji", "hadja", "hajia", "hajiya", "haji", "mr",
    "mme", "mlle", "monsieur", "madame", "mademoiselle", "dr", "malam", "mallam",
))  # fmt: skip
# What people type when they have no name to type. A record that holds only these has no name.
UNKNOWN = frozenset((
    "inconnu", "inconnue", "unknown", "nsp", "na", "nd", "neant", "anonyme", "anonymous", "aucun", "aucune", "nom",
    "prenom", "sans", "pas", "ne", "sait", "none", "null", "nan", "test", "confidentiel", "refus", "refuse", "enfant",
))  # fmt: skip
_SERVANT = re.compile(r"^(?:abdoul|abdul|abdel|abdal|abdou|abdu|abd)(?=[a-z]{4})")
_CLASS_FILE = "data/name_classes.csv"


@dataclass(frozen=True)
class NameKeys:
    """Keys of one record's name; every field may be empty, none holds the name as it was typed."""

    given: str
    family: str
    given_fold: str  # folded spelling of the same word, not its class: what a slip of the pen is measured on
    family_fold: str
    tokens: tuple[str, ...]  # keys of both parts, sorted: which part each came from no longer matters
    initials: tuple[str, ...]  # names of which only the first letter was written
    letters: tuple[str, ...]  # first letters, as written, of the full names: what an initial is held against


def normalise(text: str | None) -> list[str]:
    """Lower-case words of a name, without accents, apostrophes or punctuation; digits are dropped."""
    if not text:
        return []
    lowered = unicodedata.normalize("NFKD", str(text).casefold()).translate(_LETTERS)
    plain = "".join(c for c in lowered if not unicodedata.combining(c))
    return "".join(c if c.isalpha() else " " for c in plain).split()


def fold(word: str) -> str:
    """One normalised word with its digraphs, doubled letters, h, and the endings -e, -atou and -ou folded.

    -atou/-ata and -ou are endings that one clerk writes and the next leaves out (Ramla/Ramlatou, Kabir/Kabirou).
    """
    folded = word
    for written, sound in FOLDING:
        folded = re.sub(r"(.)\1+", r"\1", folded.replace(written, sound))
    folded = folded or word
    if len(folded) > 3:
        folded = folded.rstrip("e") or folded
    if len(folded) > 5 and folded.endswith(("atu", "ata")):
        folded = folded[:-2]
    if len(folded) > 4 and folded[-1] == "u" and folded[-2] not in "aeiou":
        folded = folded[:-1]
    return folded


@lru_cache(maxsize=1)
def name_classes() -> dict[str, str]:
    """Folded variant -> class. A variant that two classes claimed would be refused by the tests."""
    return dict(_class_rows())


def _class_rows() -> Iterator[tuple[str, str]]:
    text = files("transforms").joinpath(_CLASS_FILE).read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        for variant in row["variants"].split():
            yield fold("".join(normalise(variant))), row["class"]


@lru_cache(maxsize=100_000)
def key(word: str) -> str:
    """The class of a normalised word, else its folded form; the prefix of abdoul-X names is dropped."""
    classes = name_classes()
    folded = fold(word)
    if folded in classes:
        return classes[folded]
    servant_of = fold(_SERVANT.sub("", word))
    return classes.get(servant_of, servant_of)


def is_listed(name: str) -> bool:
    """Is a key a class of the table? Two listed names that look alike are two names, not a slip of the pen."""
    return name in _classes()


@lru_cache(maxsize=1)
def _classes() -> frozenset[str]:
    return frozenset(name_classes().values())


def _part(text: str | None) -> tuple[list[str], list[str]]:
    """Full words and initials of one part of a name."""
    words = [w for w in normalise(text) if w not in UNKNOWN]
    kept = [w for w in words if w not in PARTICLES and w not in TITLES]
    if len(kept) > 1:  # "Abdoul Karim" and "Abdoulkarim" are one name
        kept = [w for w in kept if w not in ("abdoul", "abdul", "abdel", "abd")]
    kept = kept or [w for w in words if w not in TITLES] or words
    return [w for w in kept if len(w) > 1], [w for w in kept if len(w) == 1]


def name_keys(given: str | None, family: str | None) -> NameKeys:
    """Keys of a record's name. A part that says "unknown" in any of its ways is empty."""
    given_words, given_initials = _part(given)
    family_words, family_initials = _part(family)
    given_full, family_full = [key(w) for w in given_words], [key(w) for w in family_words]
    return NameKeys(
        given=given_full[0] if given_full else "",
        family=family_full[-1] if family_full else "",
        given_fold=fold(given_words[0]) if given_words else "",
        family_fold=fold(family_words[-1]) if family_words else "",
        tokens=tuple(sorted(given_full + family_full)),
        initials=tuple(sorted({*given_initials, *family_initials})),
        letters=tuple(sorted({w[0] for w in given_words + family_words})),
    )
