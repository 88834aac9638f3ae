"""The field guides as they are printed: two A4 pages a form, from the Markdown of `docs/guides/`.

The first page is one column (what it is about, and a table of examples), the second two; `<!-- page -->` parts them.
Each is set in the largest type that fits, so a guide that grows stays at two pages until it could not be read.
Of Markdown it knows headings, paragraphs, lists, tables of two or three columns, bold and italics.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import fontpkg
from fpdf import FPDF
from markdown_it import MarkdownIt
from markdown_it.token import Token

from kobo_sync.form_paper_canvas import FAMILY, STYLES, release

FOLDER = Path(__file__).parents[1] / "docs" / "guides"
PAGE = "<!-- page -->"
SIZES = [13 - half / 2 for half in range(10)]
"""Points, largest first; below 8½ a tired worker would not read it."""
WIDTH, HEIGHT, MARGIN, FOOT, GUTTER = 210, 297, 12, 14, 7
SHARES = {2: (0.42, 0.58), 3: (0.48, 0.14, 0.38)}
"""Of the page's width, for the columns of a table of two or three."""
BLUE, GREY, PALE = (31, 78, 120), (120, 120, 120), (232, 238, 244)
MARKS = {"strong_open": "**", "strong_close": "**", "em_open": "__", "em_close": "__", "softbreak": " "}


class TooLong(Exception):
    """A guide that two pages cannot hold."""


class _Guide(FPDF):
    """A document that knows its columns."""

    def __init__(self, title: str) -> None:
        super().__init__(format="A4")
        self.title_shown = title
        self.size, self.left, self.width, self.last = 0.0, 0.0, 0.0, True
        for style, (weight, italic) in STYLES.items():
            self.add_font(FAMILY, style, fontpkg.path(FAMILY, weight, "italic" if italic else "normal"))
        self.set_auto_page_break(False)
        self.set_margins(0, MARGIN, 0)
        self.c_margin = 0
        self.set_title(title)
        self.set_lang("fr")
        self.set_creation_date(datetime(2026, 1, 1, tzinfo=UTC))  # the same text gives the same bytes

    @property
    def leading(self) -> float:
        """Millimetres from line to line."""
        return self.size * 0.3528 * 1.22

    def footer(self) -> None:
        self.set_font(FAMILY, size=7.5)
        self.set_text_color(*GREY)
        self.set_xy(MARGIN, HEIGHT - FOOT + 4)
        self.cell(text=f"ANLTP/TIM · {self.title_shown}")
        self.set_xy(MARGIN, HEIGHT - FOOT + 4)
        self.cell(WIDTH - 2 * MARGIN, text=f"page {self.page_no()} sur 2", align="R")

    def begin(self, size: float, columns: int) -> None:
        """A new page, at the top of its first column."""
        self.add_page()
        self.size, self.left, self.last = size, MARGIN, columns == 1
        self.width = (WIDTH - 2 * MARGIN - GUTTER * (columns - 1)) / columns

    def room(self, height: float) -> None:
        """Go to the next column, or page, where less than `height` is left."""
        if self.get_y() + height <= HEIGHT - FOOT:
            return
        if self.last:
            self.add_page()
        else:
            self.left, self.last = self.left + self.width + GUTTER, True
            self.set_y(MARGIN)

    def put(self, text: str, indent: float = 0, width: float = 0, scale: float = 1, style: str = "") -> None:
        """One block of text at the present height; it is never parted."""
        self.set_font(FAMILY, style, self.size * scale)
        self.set_x(self.left + indent)
        self.multi_cell(
            width or self.width - indent,
            self.leading * scale,
            text,
            align="L",
            markdown=not style,
            new_x="LEFT",
            new_y="NEXT",
        )

    def needs(self, text: str, width: float, scale: float = 1) -> float:
        """The height of a block."""
        self.set_font(FAMILY, size=self.size * scale)
        height = self.multi_cell(
            width, self.leading * scale, text, align="L", markdown=True, dry_run=True, output="HEIGHT"
        )
        assert isinstance(height, float)
        return height


def pdf(form: str, folder: Path = FOLDER) -> bytes:
    """The guide of a form. Raises TooLong, and FileNotFoundError when it has none."""
    parts = (folder / f"{form}.md").read_text(encoding="utf-8").split(PAGE)
    title = parts[0].split("\n")[0].removeprefix("# ")
    guide, trial = _Guide(title), _Guide(title)
    try:
        for columns, part in enumerate(parts, 1):
            tokens = MarkdownIt("commonmark").enable("table").parse(part)
            size = next((size for size in SIZES if _pages(trial, tokens, size, columns) == 1), None)
            if size is None or columns > 2:
                raise TooLong(f"{form} : le guide ne tient pas sur deux pages ; raccourcissez docs/guides/{form}.md")
            guide.begin(size, columns)
            _write(guide, tokens)
        return bytes(guide.output())
    finally:
        release(guide)
        release(trial)


def _pages(trial: _Guide, tokens: list[Token], size: float, columns: int) -> int:
    """How many pages a part takes in type of that size."""
    before = trial.page_no()
    trial.begin(size, columns)
    _write(trial, tokens)
    return trial.page_no() - before


def _write(guide: _Guide, tokens: list[Token]) -> None:
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.type == "heading_open":
            after = next((_inline(t) for t in tokens[at + 2 :] if t.type == "inline"), "")
            _heading(guide, _inline(tokens[at + 1]), token.tag, after)
        elif token.type == "paragraph_open":
            _paragraph(guide, _inline(tokens[at + 1]))
        elif token.type in _BLOCKS:
            end = _close(tokens, at)
            _BLOCKS[token.type](guide, tokens[at:end])
            at = end
        at += 1


def _heading(guide: _Guide, text: str, tag: str, after: str) -> None:
    scale = 1.6 if tag == "h1" else 1.15
    # a heading alone at the foot of a column says nothing
    guide.room(
        guide.leading * 1.5 + guide.needs(f"**{text}**", guide.width, scale) + guide.needs(after, guide.width - 5)
    )
    if guide.get_y() > MARGIN:
        guide.ln(guide.leading * 0.45)
    guide.set_text_color(*BLUE)
    guide.put(text, scale=scale, style="B")
    guide.set_text_color(0)
    guide.ln(guide.leading * 0.15)


def _paragraph(guide: _Guide, text: str, indent: float = 0, mark: str = "") -> None:
    guide.room(guide.needs(text, guide.width - indent))
    if mark:
        height = guide.get_y()
        guide.put(mark, width=indent)
        guide.set_y(height)
    guide.put(text, indent)
    guide.ln(guide.leading * (0.15 if mark else 0.3))


def _list(guide: _Guide, tokens: list[Token]) -> None:
    numbered = tokens[0].type == "ordered_list_open"
    for number, token in enumerate((t for t in tokens if t.type == "inline"), 1):
        _paragraph(guide, _inline(token), 5, f"{number}." if numbered else "•")
    guide.ln(guide.leading * 0.15)


def _table(guide: _Guide, tokens: list[Token]) -> None:
    texts = [_inline(token) for token in tokens if token.type == "inline"]
    columns = sum(token.type == "th_open" for token in tokens)
    widths = [guide.width * share for share in SHARES[columns]]
    for first in range(0, len(texts), columns):
        row = texts[first : first + columns]
        height = max(guide.needs(text, width - 2.5, 0.95) for text, width in zip(row, widths, strict=True)) + 1.4
        guide.room(height)
        left, top = float(guide.left), guide.get_y()
        if first == 0:
            guide.set_fill_color(*PALE)
            guide.rect(left, top, guide.width, height, style="F")
        for text, width in zip(row, widths, strict=True):
            guide.set_y(top + 0.6)
            guide.put(text, left - guide.left + 0.8, width - 2.5, 0.95)
            left += width
        guide.set_draw_color(200)
        guide.line(guide.left, top + height, guide.left + guide.width, top + height)
        guide.set_y(top + height)
    guide.ln(guide.leading * 0.4)


_BLOCKS: dict[str, Callable[[_Guide, list[Token]], None]] = {
    "bullet_list_open": _list,
    "ordered_list_open": _list,
    "table_open": _table,
}


def _close(tokens: list[Token], at: int) -> int:
    """Where the element opened at `at` closes."""
    closing = tokens[at].type.replace("_open", "_close")
    return next(i for i in range(at, len(tokens)) if (tokens[i].type, tokens[i].level) == (closing, tokens[at].level))


def _inline(token: Token) -> str:
    text = "".join(MARKS.get(part.type, part.content) for part in token.children or [])
    return re.sub(r" (?=[:;?!»])|(?<=«) ", "\u00a0", text)  # French spaces at which no line may break
