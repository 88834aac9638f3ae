"""The languages of the forms: French and English in the sheets, six more by translation.

The names are those by which a phone lists them; the code in brackets is what pyxform, Collect and Enketo read.
"""

FRENCH, ENGLISH = "Français (fr)", "English (en)"

LANGUAGES = {
    "ha": "Hausa (ha)",
    "dje": "Zarma (dje)",
    "taq": "Tamasheq (taq)",
    "ff": "Fulfulde (ff)",
    "kr": "Kanuri (kr)",
    "ar": "العربية (ar)",
}
"""Code to name of the languages that translators add."""

IN_FRENCH = {
    "ha": "hausa",
    "dje": "zarma",
    "taq": "tamasheq",
    "ff": "fulfuldé",
    "kr": "kanouri",
    "ar": "arabe",
}
RIGHT_TO_LEFT = ("ar",)

SOURCE_LANGUAGES = {"fr": FRENCH, "en": ENGLISH}
