"""What a form says on paper: sections of numbered questions, the core path apart from the annex.

Everything comes from the form's own sheets, so that paper cannot drift from the phone. The core (rows of `survey.csv`
whose `part` is core or blank) is numbered 1, 2, 3 …, the rest A1, A2 …, in the order in which the phone asks, which
is also the order in which a sheet is keyed in. `xlsforms/paper.csv` says what a phone does not need to say: columns
`form` (blank: every form), `name`, `use` and `text`, where `use` is

- `intro`      a line at the top of the sheet (`{question}` stands for its number);
- `condition`  a comparison with a calculate, in French (`{question}` likewise), or, by a question's
               name, its whole condition; an empty text is a comparison that paper may take for true;
- `label`, `hint`, `note`   other words than the phone's, for a question, a group or a note; empty drops a hint or note;
- `omit`       a question that paper does not ask; `omit_choice` an answer that it does not offer; `text` says why;
- `contacts`   a box under a question, for telephone numbers that the coordinator writes: a heading, then what each is
               for, between `|`; a sheet serves any region, so none is printed;
- `letter`     the letter by which a repeat's members are numbered.

A question that a phone asks only when no paper is being keyed in (`${mode} != 'papier'`) is left out by itself.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kobo_sync import form_paper_conditions as conditions
from kobo_sync import forms
from kobo_sync.errors import FormError
from kobo_sync.form_languages import FRENCH
from kobo_sync.form_sources import read_rows
from kobo_sync.forms_lint import Problem
from transforms import places

Row = dict[str, str]

_ASKED = ("select_one", "select_multiple", "select_one_from_file", "text", "integer", "date")
WRITTEN_LISTS = ("country",)
"""Lists too long for boxes: the answer is written on a line."""
NOT_KNOWN = ("unk", "ref", "nsp", "na")
"""Codes that keep their box beside a line."""
_PHONE_WORDS = re.compile(r"[Tt]apez|Minuscules|9 signes|^Facultatif|Laissez vide si vous ne savez pas|sera demandée")


@dataclass(frozen=True)
class Question:
    """One numbered question. `kind`: boxes, line, whole (a line of its own), lines, number, date, month or code."""

    number: str
    name: str
    label: str
    hint: str
    condition: str
    kind: str
    choices: tuple[str, ...] = ()
    several: bool = False


@dataclass(frozen=True)
class Note:
    """A text to read."""

    text: str


@dataclass(frozen=True)
class Contacts:
    """Whom to call, and lines for their numbers."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Persons:
    """A repeat: a heading, when it is filled in, and the letter that numbers its members (V1, A1 …)."""

    title: str
    condition: str
    letter: str


@dataclass(frozen=True)
class Section:
    """A screen of the phone. `persons`: the repeat it belongs to; `opens`: the first of that repeat's screens."""

    title: str
    condition: str
    items: tuple[Question | Note | Contacts, ...]
    persons: Persons | None = None
    opens: bool = False
    table: bool = False
    """One line for each member, a column for each question."""


@dataclass(frozen=True)
class Paper:
    """A form on paper."""

    form: str
    title: str
    release: str
    intro: tuple[str, ...]
    core: tuple[Section, ...]
    annex: tuple[Section, ...]
    has_code: bool

    def questions(self, part: str) -> list[Question]:
        """The questions of `core` or `annex`, in order."""
        sections = self.core if part == "core" else self.annex
        return [item for section in sections for item in section.items if isinstance(item, Question)]


def paper(form: str, folder: Path = forms.FOLDER) -> Paper:
    """The paper of a form. Raises Unsaid for a condition that nothing puts into French."""
    sheets, release = forms.expand(form, folder)
    words = Words(form, folder)
    screens = list(_screens(sheets["survey"], words))
    writer = _Writer(words, screens, sheets["choices"], _regions())
    has_code = any(row["name"] == "code_papier" for row in sheets["survey"])
    title = sheets["settings"][0]["form_title"]
    intro = tuple(conditions.numbered(line, writer.numbers.__getitem__) for line in words.intro)
    return Paper(form, title, release, intro, writer.sections("core"), writer.sections("annex"), has_code)


def problems(folder: Path = forms.FOLDER) -> list[Problem]:
    """What keeps a form from being printed."""
    found = []
    for form in forms.FORMS:
        try:
            paper(form, folder)
        except conditions.Unsaid as unsaid:
            said = f"fiche papier : condition à dire en français ({unsaid})"
            found.append(Problem(form, "paper.csv", said))
        except FormError as error:
            found.append(Problem(form, "paper.csv", str(error)))
    return found


class Words:
    """What `paper.csv` says of one form."""

    def __init__(self, form: str, folder: Path) -> None:
        found = read_rows(folder / "paper.csv", ("form", "name", "use", "text"))
        rows = [row for row in found if row["form"] in ("", form)]
        self.intro = tuple(row["text"] for row in rows if row["use"] == "intro")
        self.said = {(row["use"], row["name"]): row["text"] for row in rows}
        self.phrases = {name: text for (use, name), text in self.said.items() if use == "condition" and "$" in name}
        self.refused_choices = {(row["name"], row["text"]) for row in rows if row["use"] == "omit_choice"}

    def text(self, use: str, row: Row, column: str) -> str:
        """The words of paper, else those of the phone."""
        told = self.said.get((use, row["name"]))
        return row[f"{column}::{FRENCH}"] if told is None else told

    def condition(self, row: Row) -> conditions.Condition:
        """When a row is asked."""
        told = self.said.get(("condition", row["name"]))
        if told is not None:
            return conditions.Clause(told) if told else True
        return conditions.read(row["relevant"], self.phrases)


@dataclass
class _Screen:
    """A group with a title, and the rows in it that paper asks, each with the condition of its own."""

    title: str
    condition: conditions.Condition
    repeat: Row | None
    rows: list[tuple[Row, conditions.Condition]] = field(default_factory=list)


def _screens(survey: list[Row], words: Words) -> Iterator[_Screen]:
    """The screens in order; a group without a title belongs to the screen it stands in."""
    inside: list[tuple[Row, conditions.Condition]] = []
    screen = _Screen("", True, None)
    for row in survey:
        kind = row["type"].partition(" ")[0]
        if kind.startswith("begin_"):
            inside.append((row, words.condition(row)))
            if title := words.text("label", row, "label"):
                if screen.rows:
                    yield screen
                repeat = next((one for one, _ in inside if one["type"].startswith("begin_repeat")), None)
                above = conditions.every([c for one, c in inside if one is not repeat])
                screen = _Screen(title, above, repeat)
        elif kind.startswith("end_"):
            inside.pop()
        elif kind == "note":
            if _read_by_all(row, words):
                screen.rows.append((row, True))
        elif kind in _ASKED and ("omit", row["name"]) not in words.said:
            whole = conditions.every([c for _, c in inside] + [words.condition(row)])
            if whole is not False:
                said = [screen.condition] + ([words.condition(screen.repeat)] if screen.repeat else [])
                screen.rows.append((row, conditions.beyond(whole, said)))
    if screen.rows:
        yield screen


def _read_by_all(row: Row, words: Words) -> bool:
    """Is it a note for every sheet? One that looks at the answers is for a phone, unless `paper.csv` words it."""
    told = words.said.get(("note", row["name"]))
    if told is not None:
        return bool(told)
    return not row["relevant"] and "${" not in row[f"label::{FRENCH}"]


class _Writer:
    """Puts screens into words, once every question has its number."""

    def __init__(self, words: Words, screens: list[_Screen], choices: list[Row], regions: list[str]) -> None:
        self.words, self.screens, self.regions = words, screens, regions
        self.lists: dict[str, list[Row]] = {}
        for choice in choices:
            self.lists.setdefault(choice["list_name"], []).append(choice)
        rows = [row for screen in screens for row, _ in screen.rows if row["type"] != "note"]
        self.rows = {row["name"]: row for row in rows}
        self.numbers: dict[str, str] = {}
        for part, prefix in (("core", ""), ("annex", "A")):
            names = [row["name"] for row in rows if _part(row) == part]
            self.numbers |= {name: f"{prefix}{number}" for number, name in enumerate(names, 1)}

    def sections(self, part: str) -> tuple[Section, ...]:
        """The screens that have a question of this part."""
        made: list[Section] = []
        for screen in self.screens:
            rows = [(row, condition) for row, condition in screen.rows if _part(row) == part]
            if all(row["type"] == "note" for row, _ in rows):
                continue
            items = tuple(item for row, condition in rows for item in self._items(row, condition))
            persons = self._persons(screen.repeat) if screen.repeat else None
            opens = persons is not None and (not made or made[-1].persons != persons)
            kinds = {item.kind for item in items if isinstance(item, Question)}
            table = persons is not None and kinds <= {"line", "number"} and "number" in kinds
            made.append(Section(screen.title, self._say(screen.condition), items, persons, opens, table))
        return tuple(made)

    def _persons(self, repeat: Row) -> Persons:
        title = self.words.text("label", repeat, "label")
        letter = self.words.said.get(("letter", repeat["name"]), "")
        return Persons(title, self._say(self.words.condition(repeat)), letter)

    def _items(self, row: Row, condition: conditions.Condition) -> Iterator[Question | Note | Contacts]:
        yield self._item(row, condition)
        if told := self.words.said.get(("contacts", row["name"])):
            title, *lines = (part.strip() for part in told.split("|"))
            yield Contacts(title, tuple(lines))

    def _item(self, row: Row, condition: conditions.Condition) -> Question | Note:
        if row["type"] == "note":
            return Note(_plain(self.words.text("note", row, "label")))
        kind, _, listed = row["type"].partition(" ")
        offered = [
            choice[f"label::{FRENCH}"]
            for choice in self.lists.get(listed, [])
            if (row["name"], choice["name"]) not in self.words.refused_choices
            and (listed not in WRITTEN_LISTS or choice["name"] in NOT_KNOWN)
        ]
        if listed == "places.csv" and "level='region'" in row["choice_filter"].replace(" ", ""):
            offered = self.regions
        label, hint = _plain(self.words.text("label", row, "label")), _hint(self.words.text("hint", row, "hint"))
        if kind == "select_multiple" and not re.search("[Cc]ochez|[Pp]lusieurs", label + hint):
            hint = f"Plusieurs réponses possibles. {hint}".strip()
        return Question(
            self.numbers[row["name"]],
            row["name"],
            label,
            hint,
            self._say(condition),
            _kind(row, bool(offered)),
            () if "selected(" in row["choice_filter"] else tuple(offered),
            kind == "select_multiple",
        )

    def _say(self, condition: conditions.Condition) -> str:
        try:
            return conditions.say(condition, self.numbers.__getitem__, self._answer)
        except KeyError as missing:
            raise conditions.Unsaid(f"{missing} n’est pas sur le papier") from missing

    def _answer(self, question: str, code: str) -> str:
        listed = self.rows[question]["type"].partition(" ")[2]
        return next(c[f"label::{FRENCH}"] for c in self.lists.get(listed, []) if c["name"] == code)


def _part(row: Row) -> str:
    return row.get("part") or "core"


def _kind(row: Row, has_boxes: bool) -> str:
    kind, _, listed = row["type"].partition(" ")
    if kind == "date":
        return "month" if "month-year" in row["appearance"] else "date"
    if kind == "integer":
        return "number"
    if kind == "text":
        if row["name"].startswith("code_"):
            return "code"
        return "lines" if "multiline" in row["appearance"] else "line"
    if listed == "providers.csv":
        return "whole"
    written = listed in WRITTEN_LISTS or "selected(" in row["choice_filter"]
    return "boxes" if has_boxes and not written else "line"


def _plain(text: str) -> str:
    return re.sub(r"\*\*|^#+ *", "", text, flags=re.MULTILINE).replace("\n", " ").strip()


def _hint(text: str) -> str:
    """The hint less what only a phone needs to say."""
    sentences = re.split(r"(?<=[.!?]) +", _plain(text))
    return " ".join(sentence for sentence in sentences if not _PHONE_WORDS.search(sentence))


def _regions() -> list[str]:
    """The regions, as the forms' list of places names them."""
    rows = csv.DictReader(io.StringIO(places.places_csv().decode()))
    return [row["label"] for row in rows if row["level"] == "region"]
