"""Drawing on an A4 page: text in a face that holds every letter of the forms, boxes, lines.

The face is Fira Sans Condensed (SIL Open Font License), from PyPI and embedded: narrow, so that a form's core path
holds on two pages, and with the hooked letters of Hausa, Fulfulde and Zarma. A canvas that does not draw measures: the
same code gives the height of a block and draws it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import fontpkg
from fpdf import FPDF
from fpdf.fonts import TTFFont

FAMILY = "Fira Sans Condensed"
STYLES = {"": (400, False), "B": (600, False), "I": (400, True)}
BLACK, GREY, PALE = 0, 95, 225
POINT = 0.3528
"""Millimetres in a point."""


def document(title: str, when: datetime | None = None) -> FPDF:
    """A new PDF, in French, with its fonts."""
    pdf = FPDF(orientation="portrait", unit="mm", format="A4")
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.set_title(title)
    pdf.set_lang("fr")
    pdf.set_creation_date(when or datetime(2026, 1, 1, tzinfo=UTC))
    for style, (weight, italic) in STYLES.items():
        pdf.add_font(FAMILY, style, fontpkg.path(FAMILY, weight, "italic" if italic else "normal"))
    return pdf


@contextmanager
def opened(title: str = "") -> Iterator[FPDF]:
    """A new PDF that lets go of its font files in the end."""
    pdf = document(title)
    try:
        yield pdf
    finally:
        release(pdf)


def release(pdf: FPDF) -> None:
    """Let go of the font files that a document holds open."""
    for font in pdf.fonts.values():
        if isinstance(font, TTFFont):
            font.close()


@dataclass
class Canvas:
    """A place to draw with one size of text; `drawing` false only measures."""

    pdf: FPDF
    size: float
    drawing: bool = True
    _widths: dict[tuple[str, str], float] = field(default_factory=dict)

    @property
    def leading(self) -> float:
        """Height of a line of text."""
        return self.size * POINT * 1.2

    def width(self, text: str, style: str = "", size: float | None = None) -> float:
        """Width of a text in millimetres."""
        key = (text, style)
        if key not in self._widths:
            self.pdf.set_font(FAMILY, style, 100)
            self._widths[key] = self.pdf.get_string_width(text) / 100
        return self._widths[key] * (self.size if size is None else size)

    def text(
        self, x: float, baseline: float, text: str, style: str = "", size: float | None = None, grey: int = BLACK
    ) -> None:
        """One line of text."""
        if self.drawing and text:
            self.pdf.set_font(FAMILY, style, self.size if size is None else size)
            self.pdf.set_text_color(grey)
            self.pdf.text(x, baseline, text)

    def line(self, x: float, y: float, to_x: float, to_y: float | None = None, weight: float = 0.2) -> None:
        """A straight line, level unless `to_y` is given."""
        if self.drawing:
            self.pdf.set_draw_color(BLACK)
            self.pdf.set_line_width(weight)
            self.pdf.line(x, y, to_x, y if to_y is None else to_y)

    def box(self, x: float, y: float, width: float, height: float, fill: int | None = None, edge: float = 0.25) -> None:
        """A rectangle, filled with a grey when one is given, without an edge when `edge` is 0."""
        if self.drawing:
            self.pdf.set_draw_color(BLACK)
            self.pdf.set_line_width(edge or 0.1)
            if fill is not None:
                self.pdf.set_fill_color(fill)
            self.pdf.rect(x, y, width, height, style="F" if not edge else "D" if fill is None else "DF")

    def cells(self, x: float, y: float, pattern: str, width: float, height: float, letters: str = "") -> float:
        """A row of boxes for signs: `_` in the pattern is a box, anything else a gap; returns the row's width.

        `letters` stand in the boxes: faint when they tell what to write, black when `pattern` is all that is needed.
        """
        at, signs = x, iter(letters)
        for sign in pattern:
            if sign != "_":
                at += width * 0.35
                continue
            self.box(at, y, width, height)
            letter = next(signs, "")
            size = height / POINT * 0.72
            self.text(at + (width - self.width(letter, "B", size)) / 2, y + height * 0.76, letter, "B", size)
            at += width
        return at - x


def cells_width(pattern: str, width: float) -> float:
    """Width of a row of boxes."""
    return sum(width if sign == "_" else width * 0.35 for sign in pattern)


@dataclass(frozen=True)
class Run:
    """A stretch of text in one style."""

    text: str
    style: str = ""
    scale: float = 1.0
    grey: int = BLACK


def wrapped(canvas: Canvas, runs: list[Run], width: float) -> list[list[tuple[float, str, Run]]]:
    """Lines of (offset, word, run) no wider than `width`; a mark after a non-breaking space stays with its word."""
    lines: list[list[tuple[float, str, Run]]] = [[]]
    at = 0.0
    for run in runs:
        size = canvas.size * run.scale
        space = canvas.width(" ", run.style, size)
        for word in tied(run.text).split(" "):
            wide = canvas.width(word, run.style, size)
            if lines[-1] and at + wide > width:
                lines.append([])
                at = 0.0
            lines[-1].append((at, word, run))
            at += wide + space
    return lines


def write(canvas: Canvas, x: float, y: float, lines: list[list[tuple[float, str, Run]]]) -> float:
    """Draw wrapped lines from the top `y`; returns their height."""
    for number, line in enumerate(lines):
        baseline = y + canvas.leading * (number + 0.8)
        for offset, word, run in line:
            canvas.text(x + offset, baseline, word, run.style, canvas.size * run.scale, run.grey)
    return canvas.leading * len(lines)


def end_of(canvas: Canvas, line: list[tuple[float, str, Run]]) -> float:
    """Where a wrapped line ends."""
    if not line:
        return 0.0
    offset, word, run = line[-1]
    return offset + canvas.width(word, run.style, canvas.size * run.scale)


def tied(text: str) -> str:
    """The text as lines may break: French marks stay with their word, a number with the word before it."""
    return re.sub(r" (?=[?!:;»])|(?<=«) | (?=A?\d+\b)", "\u00a0", text)
