"""Paper forms as PDF: the core path on one sheet, front and back, and the annex after its own need.

The text takes the largest size at which the core holds on two A4 pages; a core that does not hold at the smallest
raises TooLong. What the persons' block asks begins the back where that costs no size. Columns are evened out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from fpdf import FPDF

from kobo_sync import form_paper_blocks as blocks
from kobo_sync.form_paper import Contacts, Note, Paper, Persons, Question, Section
from kobo_sync.form_paper_canvas import GREY, Canvas, cells_width, opened
from transforms.case_code import shown_code

WIDTH, HEIGHT, MARGIN, GUTTER = 210.0, 297.0, 10.0, 6.0
TOP, BOTTOM = 27.0, 287.0
COLUMN = (WIDTH - 2 * MARGIN - GUTTER) / 2
SIZES = (11.0, 10.5, 10.0, 9.5, 9.25, 9.0, 8.75, 8.5, 8.25, 8.0, 7.75, 7.5, 7.25, 7.0)
ONE_SIDE = 8.5
"""The smallest size at which one side is better than two."""
ANNEX_SIZE = 8.5
ISSUED, COPIED = "Code du cas : recopiez un code émis par l’ANLTP", "Code du cas : recopiez celui de la fiche"
MORE, MORE_ROWS = "____", 20
LOOSEST = 3.0
"""Millimetres by which the space between blocks may grow to fill a page."""


class TooLong(ValueError):
    """A core path that does not hold on two pages."""


@dataclass
class _Unit:
    """Blocks that stay together, and their height."""

    blocks: list[blocks.Block]
    height: float

    @property
    def new_page(self) -> bool:
        return self.blocks[0].new_page


Page = tuple[list[_Unit], list[_Unit]]


def core_pdf(paper: Paper, codes: Sequence[str] = ()) -> bytes:
    """The core sheet, once for each code; without codes once, with empty boxes for a code where the form has one."""
    with opened(f"{paper.title} : fiche papier") as pdf:
        size, pages = _fit(pdf, paper)
        for code in codes or [""]:
            _draw(pdf, paper, pages, size, "Fiche papier", code, "Code du cas" if code else ISSUED)
        return bytes(pdf.output())


def annex_pdf(paper: Paper) -> bytes | None:
    """What the core leaves out, and a sheet for each further person; None when there is nothing of it."""
    with opened(f"{paper.title} : annexe") as pdf:
        size, pages = _fit_annex(pdf, paper)
        if not pages:
            return None
        _draw(pdf, paper, pages, size, "Annexe et feuilles de suite", "", COPIED)
        return bytes(pdf.output())


def annex_size(paper: Paper) -> float:
    """The size of the annex's text."""
    with opened() as pdf:
        return _fit_annex(pdf, paper)[0]


def _fit_annex(pdf: FPDF, paper: Paper) -> tuple[float, list[Page]]:
    """The largest size that takes no page more than the smallest, and the pages."""
    least = _annex_pages(pdf, paper, ANNEX_SIZE) or []
    for size in SIZES:
        pages = _annex_pages(pdf, paper, size)
        if pages is not None and len(pages) <= len(least):
            return size, pages
    return ANNEX_SIZE, least


def _annex_pages(pdf: FPDF, paper: Paper, size: float) -> list[Page] | None:
    pages: list[Page] = []
    for found in sheets(paper):
        made = _pages(_measured(pdf, blocks.sections(found, MORE, MORE_ROWS), size), breaks=False)
        if made is None:
            return None
        pages += made
    return pages


def sheets(paper: Paper) -> list[tuple[Section, ...]]:
    """The annex in parts that each begin a page: what is asked once, then a whole sheet a kind of person.

    A person's sheet has what the core asks and what the annex adds, so that one copy describes one further person.
    """
    once = tuple(section for section in paper.annex if not section.persons)
    kinds = dict.fromkeys(section.persons for section in (*paper.core, *paper.annex) if section.persons)
    return [part for part in (once, *(_sheet(paper, persons) for persons in kinds)) if part]


def _sheet(paper: Paper, persons: Persons) -> tuple[Section, ...]:
    core, annex = ([s for s in part if s.persons == persons] for part in (paper.core, paper.annex))
    first, *others = [*core, *annex]
    if core and annex:
        numbers = [item.number for section in annex for item in section.items if isinstance(item, Question)]
        asked = f"{numbers[0]} à {numbers[-1]}" if len(numbers) > 1 else numbers[0]
        note = Note(f"{persons.letter}1 est sur la fiche : pour ce numéro, seulement les questions {asked}.")
        first = replace(first, items=(note, *first.items))
    return (first, *(replace(section, opens=False) for section in others))


def columns(paper: Paper) -> tuple[float, list[tuple[bool, Section | Question | Note | Contacts | None]]]:
    """The size of the core's text, and what begins each of its columns: (on a new page, section or item)."""
    with opened() as pdf:
        size, pages = _fit(pdf, paper)
    begins = [(column is page[0], column[0].blocks[0].item) for page in pages for column in page if column]
    return size, begins


def _fit(pdf: FPDF, paper: Paper) -> tuple[float, list[Page]]:
    """The largest size at which the core holds on one page, if it can be read, else on two; and the pages."""
    parts = list(blocks.core(paper))
    for most in (1, 2):
        for size in SIZES:
            units = _measured(pdf, parts, size)
            for breaks in (True, False):
                pages = _pages(units, breaks)
                if pages and len(pages) <= most and (most == 2 or size >= ONE_SIDE):
                    return size, pages
    raise TooLong(f"{paper.form} : le parcours de base ne tient pas sur deux pages, même en {SIZES[-1]} points")


def _measured(pdf: FPDF, parts: Iterable[blocks.Block], size: float) -> list[_Unit]:
    canvas = Canvas(pdf, size, drawing=False)
    units: list[_Unit] = []
    together: list[blocks.Block] = []
    for part in parts:
        together.append(part)
        if not part.with_next:
            units.append(_unit(canvas, together))
            together = []
    return units


def _unit(canvas: Canvas, together: list[blocks.Block]) -> _Unit:
    height = sum(part.draw(canvas, 0, 0, COLUMN) for part in together) + sum(part.gap for part in together)
    return _Unit(list(together), height)


def _pages(units: list[_Unit], breaks: bool) -> list[Page] | None:
    """Fill columns in turn; None when a unit is taller than a page."""
    room = BOTTOM - TOP
    pages: list[list[_Unit]] = []
    column, used = 2, 0.0
    for unit in units:
        if unit.height > room:
            return None
        if breaks and unit.new_page and pages and pages[-1]:
            column, used = 2, 0.0
        if column == 2 or used + unit.height > room:
            if column >= 1:
                pages.append([])
                column, used = 0, 0.0
            else:
                column, used = 1, 0.0
        pages[-1].append(unit)
        used += unit.height
    return [_even(page, room) for page in pages]


def _even(units: list[_Unit], room: float) -> Page:
    """The page's units in two columns as equal as they come."""
    heights = [unit.height for unit in units]
    splits = [at for at in range(1, len(units) + 1) if max(sum(heights[:at]), sum(heights[at:])) <= room]
    at = min(splits, key=lambda split: max(sum(heights[:split]), sum(heights[split:])))
    return units[:at], units[at:]


def _draw(pdf: FPDF, paper: Paper, pages: list[Page], size: float, kind: str, code: str, below: str) -> None:
    canvas = Canvas(pdf, size)
    for number, page in enumerate(pages, 1):
        pdf.add_page()
        _frame(canvas, paper, code, below, f"{kind} · page {number} sur {len(pages)}")
        for at, units in enumerate(page):
            parts = [part for unit in units for part in unit.blocks]
            spare = BOTTOM - TOP - max(sum(unit.height for unit in column) for column in page)
            loose = min(LOOSEST, spare / max(1, max(sum(len(u.blocks) for u in column) for column in page)))
            x, y = MARGIN + at * (COLUMN + GUTTER), TOP - parts[0].gap if parts else TOP
            for part in parts:
                y += part.gap
                y += part.draw(canvas, x, y, COLUMN) + loose
        if page[1]:
            middle = MARGIN + COLUMN + GUTTER / 2
            low = min(BOTTOM, max(sum(u.height for u in c) + loose * sum(len(u.blocks) for u in c) for c in page) + TOP)
            canvas.line(middle, TOP, middle, low, weight=0.1)


def _frame(c: Canvas, paper: Paper, code: str, below: str, page: str) -> None:
    """The head and the foot of a page: which form, which case, which page."""
    c.text(MARGIN, 15, paper.title, "B", 16)
    c.text(MARGIN, 20.5, f"ANLTP/TIM, Niger · {page}", "", 9, GREY)
    if paper.has_code:
        cell = (7.4, 9.0)
        start = WIDTH - MARGIN - cells_width(blocks.CODE, cell[0])
        c.cells(start, 8.5, blocks.CODE, *cell, letters=code)
        c.text(start, 21, below, "", 8, GREY)
    c.line(MARGIN, 23.5, WIDTH - MARGIN, weight=0.5)
    foot = HEIGHT - 5.5
    c.text(MARGIN, foot, f"Confidentiel · {paper.release}", "", 7, GREY)
    last = f"Fiche {shown_code(code)} · {page}" if code else page
    c.text(WIDTH - MARGIN - c.width(last, "", 7), foot, last, "", 7, GREY)
