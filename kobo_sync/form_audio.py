"""Recordings that a form plays: the consent text, read aloud in a language.

`xlsforms/audio/<language>/consentement.m4a` is all that is needed (`fr`, `en`, or a language of `form_languages`): the
build names it in `media::audio::<Language>` beside the consent note of `traite`, and it travels to the phones as
`consentement_<language>.m4a`. A phone plays a recording in the language it shows, so a form must have that language.
"""

from collections.abc import Iterator
from pathlib import Path

from kobo_sync.form_languages import LANGUAGES, SOURCE_LANGUAGES

Rows = list[dict[str, str]]

NOTES = {"traite": "n_v_code"}
"""The consent note of each form that has one."""
COLUMN = "media::audio::"
FILE = "consentement.m4a"
LARGEST = 2_000_000
"""Bytes: two minutes of speech are about half of it, and each phone downloads every recording."""
_NAMES = SOURCE_LANGUAGES | LANGUAGES


def recordings(folder: Path) -> dict[str, Path]:
    """Language code to recording, of those that are there."""
    paths = {language: folder / "audio" / language / FILE for language in _NAMES}
    return {language: path for language, path in paths.items() if path.exists()}


def media(folder: Path, form: str | None = None) -> dict[str, bytes]:
    """The recordings by the names under which they travel; none for a form that plays none."""
    if form is not None and form not in NOTES:
        return {}
    return {_travels_as(language): path.read_bytes() for language, path in recordings(folder).items()}


def add(form: str, sheets: dict[str, Rows], folder: Path) -> dict[str, Rows]:
    """The sheets with the recordings of the languages that the form has.

    Once one language has a column, pyxform wants one of each language.
    """
    if form not in NOTES:
        return sheets
    there = {language for language, name in _NAMES.items() if f"label::{name}" in sheets["survey"][0]}
    spoken = there & set(recordings(folder))
    if not spoken:
        return sheets
    columns = {f"{COLUMN}{_NAMES[language]}": language for language in _NAMES if language in there}
    survey = [dict(row) | dict.fromkeys(columns, "") for row in sheets["survey"]]
    for row in survey:
        if row["name"] == NOTES[form]:
            row.update({c: _travels_as(language) for c, language in columns.items() if language in spoken})
    return sheets | {"survey": survey}


def problems(form: str, sheets: dict[str, Rows], folder: Path) -> Iterator[tuple[str, str, bool]]:
    """What is wrong with the recordings of a form: where, what, and whether it is only a warning."""
    if form not in NOTES:
        return
    for path in sorted((folder / "audio").glob("*/*")):
        if path.parent.name not in _NAMES or path.name != FILE:
            yield f"audio/{path.parent.name}/{path.name}", f"attendu : audio/<langue>/{FILE}, jamais joint sinon", False
    found = recordings(folder)
    if found and NOTES[form] not in {row["name"] for row in sheets["survey"]}:
        yield "audio", f"la note {NOTES[form]}, qui le fait entendre, n’est pas dans la fiche", False
    for language, path in found.items():
        where, content = f"audio/{language}/{FILE}", path.read_bytes()
        if content[4:8] != b"ftyp":
            yield where, "n’est pas un fichier audio m4a : les téléphones ne le liraient pas", False
        if len(content) > LARGEST:
            yield (
                where,
                f"{len(content) // 1000} ko : trop lourd pour les téléphones ({LARGEST // 1000} ko au plus)",
                False,
            )
        if f"label::{_NAMES[language]}" not in sheets["survey"][0]:
            yield where, "en attente : la fiche n’a pas encore cette langue (forms translations)", True


def _travels_as(language: str) -> str:
    return f"consentement_{language}.m4a"
