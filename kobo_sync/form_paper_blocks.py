"""The parts of a paper sheet: headings, notes, questions with their boxes and lines, tables, the keyer's frame.

A block draws itself at a place in a column and returns its height; on a canvas that does not draw, it only measures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil

from kobo_sync.form_paper import Contacts, Note, Paper, Persons, Question, Section
from kobo_sync.form_paper_canvas import GREY, PALE, Canvas, Run, cells_width, end_of, wrapped, write

Draw = Callable[[Canvas, float, float, float], float]

BOX = 2.7
WRITING = 6.2
"""Height of a line that a hand writes on, in millimetres."""
DATE, MONTH, CODE = "__ __ ____", "__ ____", "___ ___ ___"
DIGIT, SIGN = (3.9, 4.6), (4.7, 5.4)
TABLE_ROWS = 6


@dataclass(frozen=True)
class Block:
    """Something to draw. `with_next`: stays in the column of what follows; `new_page`: begins a page where asked."""

    draw: Draw
    with_next: bool = False
    new_page: bool = False
    gap: float = 1.3
    """Space above, in millimetres."""
    item: Section | Question | Note | Contacts | None = None
    """What it shows."""


def core(paper: Paper) -> Iterator[Block]:
    """The core path: what to know first, the questions, the frame of who keys it in."""
    yield Block(lambda c, x, y, w: _intro(c, x, y, w, paper.intro))
    yield from sections(paper.core, "1")
    yield Block(_keyer, gap=2.5)


def sections(found: tuple[Section, ...], member: str, rows: int = TABLE_ROWS) -> Iterator[Block]:
    """Sections with their questions; `member` numbers the persons described (`1`, or a blank to fill)."""
    for section in found:
        if section.opens and section.persons and not section.table:
            yield Block(_banner(section.persons, member), with_next=True, new_page=True, gap=2.2, item=section)
        persons = section.persons if section.table else None
        condition = persons.condition if persons else section.condition
        repeats_banner = section.opens and section.persons and section.title == section.persons.title
        if section.table or section.condition or not repeats_banner:
            yield Block(_heading(section.title, condition), with_next=True, gap=2.2, item=section)
        if section.table:
            questions = [item for item in section.items if isinstance(item, Question)]
            yield Block(_table(questions, rows))
            continue
        for item in section.items:
            if isinstance(item, Note):
                yield Block(_note(item), with_next=item is section.items[0], item=item)
            elif isinstance(item, Contacts):
                yield Block(_contacts(item), item=item)
            else:
                yield Block(_question(item), item=item)


def _intro(c: Canvas, x: float, y: float, width: float, lines: tuple[str, ...]) -> float:
    pad, at = 1.6, y + 1.4
    shown = [wrapped(c, [Run(line, "B" if n else "")], width - 2 * pad) for n, line in enumerate(lines)]
    height = sum(c.leading * len(one) + 0.6 for one in shown) + 2.2
    c.box(x, y, width, height, edge=0.4)
    for one in shown:
        at += write(c, x + pad, at, one) + 0.6
    return height


def _banner(persons: Persons, member: str) -> Draw:
    def draw(c: Canvas, x: float, y: float, width: float) -> float:
        size = c.size * 1.35
        condition = wrapped(c, [Run(when(persons, member), "I")], width - 4)
        height = size * 0.3528 * 1.35 + c.leading * len(condition) + 1.2
        c.box(x, y, width, height, fill=PALE, edge=0.5)
        c.text(x + 2, y + size * 0.3528 * 1.1, f"{persons.title}  {persons.letter}{member}", "B", size)
        write(c, x + 2, y + size * 0.3528 * 1.35, condition)
        return height

    return draw


def when(persons: Persons, member: str) -> str:
    """When the block about a person is filled in, and that further persons take a copy of it."""
    return persons.condition if member == "1" else f"{persons.condition}. Une copie de cette feuille par personne."


def _heading(title: str, condition: str) -> Draw:
    def draw(c: Canvas, x: float, y: float, width: float) -> float:
        runs = [Run(title, "B", 1.1)] + ([Run(condition, "I", 0.95)] if condition else [])
        lines = wrapped(c, runs, width - 3)
        height = c.leading * len(lines) + 1.2
        c.box(x, y, width, height, fill=PALE, edge=0)
        write(c, x + 1.5, y + 0.6, lines)
        return height

    return draw


def _note(note: Note) -> Draw:
    def draw(c: Canvas, x: float, y: float, width: float) -> float:
        lines = wrapped(c, [Run(note.text, "I")], width - 3)
        c.line(x + 0.4, y, x + 0.4, y + c.leading * len(lines), weight=0.6)
        return write(c, x + 2.2, y, lines)

    return draw


def _contacts(contacts: Contacts) -> Draw:
    """A frame with a line for each number to be called, two beside one another."""

    def draw(c: Canvas, x: float, y: float, width: float) -> float:
        pad = 1.6
        lines = wrapped(c, [Run(contacts.title, "B")], width - 2 * pad)
        head = 0.8 + c.leading * len(lines)
        height = head + WRITING * ceil(len(contacts.lines) / 2) + 1.2
        c.box(x, y, width, height, edge=0.4)
        write(c, x + pad, y + 0.8, lines)
        half = (width - 2 * pad - 3) / 2
        for number, label in enumerate(contacts.lines):
            left, baseline = x + pad + number % 2 * (half + 3), y + head + WRITING * (number // 2 + 1) - 0.4
            alone = number % 2 == 0 and number + 1 == len(contacts.lines)
            c.text(left, baseline, label)
            c.line(left + c.width(label) + 1.2, baseline, left + (width - 2 * pad if alone else half), weight=0.15)
        return height

    return draw


def _question(question: Question) -> Draw:
    def draw(c: Canvas, x: float, y: float, width: float) -> float:
        indent = max(c.width("00", "B"), c.width(question.number, "B")) + 1.6
        inside, left = width - indent, x + indent
        runs = [Run(f"{question.condition} :", "I")] if question.condition else []
        runs.append(Run(question.label, "B"))
        if question.hint:
            runs.append(Run(question.hint, "", 0.92, GREY))
        lines = wrapped(c, runs, inside)
        tall, wide = _size(c, question, inside)
        beside = (
            question.kind not in ("boxes", "whole") and len(lines) == 1 and wide <= inside - end_of(c, lines[0]) - 2
        )
        down = max(0.0, tall - c.leading) if beside else 0.0  # one line: the words stand on the line to be written on
        c.text(x, y + down + c.leading * 0.8, question.number, "B")
        text = down + write(c, left, y + down, lines)
        if beside:
            at = end_of(c, lines[0]) + 2 if question.kind == "line" else inside - wide
            _answer(c, left + at, y, inside - at, text, question)
            return text
        if question.kind == "boxes":
            return text + 0.5 + _choices(c, left, y + text + 0.5, inside, question.choices)
        _answer(
            c, left, y + text + 0.4, inside if question.kind in ("line", "whole", "lines") else wide, tall, question
        )
        return text + 0.4 + tall

    return draw


def _size(c: Canvas, question: Question, width: float) -> tuple[float, float]:
    """Height that an answer takes when it is written by hand, and the least width."""
    if question.kind == "boxes":
        return 0.0, 0.0
    if question.kind in ("date", "month"):
        return DIGIT[1] + 0.4, cells_width(DATE if question.kind == "date" else MONTH, DIGIT[0])
    if question.kind == "code":
        return SIGN[1] + 0.4, cells_width(CODE, SIGN[0])
    if question.kind == "number":
        return WRITING, 20.0
    if question.kind == "lines":
        return 2 * WRITING, width
    if question.kind == "whole":
        return WRITING, width
    if question.choices:
        return WRITING + c.leading + 1.2, width
    return WRITING, 32.0


def _answer(c: Canvas, x: float, y: float, width: float, height: float, question: Question) -> None:
    if question.kind in ("date", "month"):
        pattern = DATE if question.kind == "date" else MONTH
        c.cells(x, y + height - DIGIT[1] - 0.2, pattern, *DIGIT)
        below = {"date": "JJMMAAAA", "month": "MMAAAA"}[question.kind]
        _faint(c, x, y + height - DIGIT[1] - 0.2, pattern, below)
        return
    if question.kind == "code":
        c.cells(x, y + height - SIGN[1] - 0.2, CODE, *SIGN)
        return
    if question.choices:
        height -= c.leading + 1.2
        at = x
        for choice in question.choices:
            _choice(c, at, y + height + 1.2, choice)
            at += _choice_width(c, choice)
    baseline = y + height - c.leading * 0.2
    for row in range(2 if question.kind == "lines" else 1):
        c.line(x, baseline - row * WRITING, x + width, weight=0.15)


def _faint(c: Canvas, x: float, y: float, pattern: str, letters: str) -> None:
    """Letters that say what to write in each box."""
    at, signs, size = x, iter(letters), 5.0
    for sign in pattern:
        if sign == "_":
            letter = next(signs)
            c.text(at + (DIGIT[0] - c.width(letter, "", size)) / 2, y + DIGIT[1] * 0.66, letter, "", size, 130)
        at += DIGIT[0] * (1 if sign == "_" else 0.35)


def _choice_width(c: Canvas, label: str) -> float:
    return BOX + 1.1 + c.width(label) + 2.6


def _choice(c: Canvas, x: float, y: float, label: str) -> None:
    c.box(x, y + (c.leading - BOX) / 2, BOX, BOX)
    c.text(x + BOX + 1.1, y + c.leading * 0.8, label)


def grid(c: Canvas, width: float, labels: tuple[str, ...]) -> tuple[int, list[list[tuple[int, str]]]]:
    """Choices in as many columns as half of the labels fit: the number of columns, and rows of (column, label).

    A longer label takes several columns.
    """
    for columns in (4, 3, 2, 1):
        cell = width / columns
        if sum(_choice_width(c, label) <= cell for label in labels) >= 0.55 * len(labels):
            break
    rows: list[list[tuple[int, str]]] = [[]]
    at = 0
    for label in labels:
        span = min(columns, ceil(_choice_width(c, label) / cell))
        if at + span > columns:
            rows.append([])
            at = 0
        rows[-1].append((at, label))
        at += span
    return columns, rows


def _choices(c: Canvas, x: float, y: float, width: float, labels: tuple[str, ...]) -> float:
    row, height = max(c.leading, BOX + 0.7), 0.0
    columns, rows = grid(c, width, labels)
    for shown in rows:
        tallest = 0
        for at, label in shown:
            left = x + at * width / columns
            lines = wrapped(c, [Run(label)], width - BOX - 1.1)
            c.box(left, y + height + (row - BOX) / 2, BOX, BOX)
            write(c, left + BOX + 1.1, y + height + (row - c.leading) / 2, lines)
            tallest = max(tallest, len(lines))
        height += row + c.leading * (tallest - 1)
    return height


def _table(questions: list[Question], rows: int) -> Draw:
    def draw(c: Canvas, x: float, y: float, width: float) -> float:
        first = width * 0.24
        rest = (width - first) / max(1, len(questions) - 1)
        widths = [first] + [rest] * (len(questions) - 1)
        longest = max(c.width(word, "", 1.0) for question in questions[1:] for word in question.label.split())
        small = Canvas(c.pdf, min(c.size * 0.86, (rest - 1.2) / longest), c.drawing)
        heads = [
            wrapped(small, [Run(q.number, "B"), Run(q.label)], w - 1.2) for q, w in zip(questions, widths, strict=True)
        ]
        head, row = max(len(one) for one in heads) * small.leading + 1.2, WRITING
        c.box(x, y, width, head, fill=PALE, edge=0.2)
        at = x
        for one, w in zip(heads, widths, strict=True):
            write(small, at + 0.7, y + 0.6, one)
            c.line(at, y, at, y + head + row * rows)
            at += w
        c.line(x + width, y, x + width, y + head + row * rows)
        for number in range(rows):
            c.line(x, y + head + row * (number + 1), x + width)
        return head + row * rows

    return draw


def _keyer(c: Canvas, x: float, y: float, width: float) -> float:
    """What the person who keys the sheet in fills: the date of reception, and that it is done."""
    height = 8.4 + c.leading
    c.box(x, y, width, height, edge=0.4)
    c.text(x + 1.6, y + 0.9 + c.leading * 0.8, "Réservé à la saisie", "B")
    middle = y + 1.6 + c.leading
    c.text(x + 1.6, middle + 3.6, "Reçue le")
    start = x + 1.6 + c.width("Reçue le") + 1.6
    _faint(c, start, middle, DATE, "JJMMAAAA")
    wide = c.cells(start, middle, DATE, *DIGIT)
    _choice(c, start + wide + 4, middle + (DIGIT[1] - c.leading) / 2, "Saisie faite")
    return height
