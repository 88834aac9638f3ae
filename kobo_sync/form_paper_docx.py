"""Paper forms as DOCX, for who must change one: the same words, numbers and order as the PDF.

Two columns of Arial Narrow, which Word has and LibreOffice replaces by a face of the same widths. A DOCX carries no
issued code: its boxes wait for one of the list.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

from docx import Document
from docx.document import Document as Docx
from docx.enum.section import WD_SECTION
from docx.enum.text import WD_BREAK, WD_TAB_ALIGNMENT, WD_TAB_LEADER
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor
from docx.table import Table
from docx.text.paragraph import Paragraph

from kobo_sync import form_paper_pdf as pdf
from kobo_sync.form_paper import Contacts, Note, Paper, Question, Section
from kobo_sync.form_paper_blocks import TABLE_ROWS, grid, when
from kobo_sync.form_paper_canvas import Canvas, document, release, tied

FONT = "Arial Narrow"
LARGEST, MORE = 10.75, 0.25
"""The text is this much larger than the PDF's: lines of this face are lower. Room stays to spare, for a word processor
that takes its boxes from a taller face."""
INDENT = 6.5
GREY = RGBColor(0x60, 0x60, 0x60)
BOX = "☐\u00a0"
DIGITS = {"date": "☐☐\u00a0☐☐\u00a0☐☐☐☐", "month": "☐☐\u00a0☐☐☐☐"}
LETTERS = {"date": "\u00a0JJ\u00a0MM\u00a0AAAA", "month": "\u00a0MM\u00a0AAAA"}
CODE = "☐☐☐\u00a0\u00a0☐☐☐\u00a0\u00a0☐☐☐"


def core_docx(paper: Paper) -> bytes:
    """The core sheet, with its columns begun where the PDF begins them."""
    size, begins = pdf.columns(paper)
    writer = _Writer(paper, min(LARGEST, size + MORE), "Fiche papier", pdf.ISSUED)
    writer.begins = {id(item): page for page, item in begins[1:]}
    for number, line in enumerate(paper.intro):
        writer.framed(line, bold=number > 0)
    writer.sections(paper.core, "1", TABLE_ROWS)
    writer.framed(f"Réservé à la saisie.  Reçue le {DIGITS['date']}   {BOX}Saisie\u00a0faite", bold=False, above=6)
    return writer.content()


def annex_docx(paper: Paper) -> bytes | None:
    """The annex and the sheets for further persons; None when there is nothing of it."""
    sheets = pdf.sheets(paper)
    if not sheets:
        return None
    writer = _Writer(paper, min(LARGEST, pdf.annex_size(paper) + MORE), "Annexe et feuilles de suite", pdf.COPIED)
    for number, sheet in enumerate(sheets):
        if number:
            writer.new_page()
        writer.sections(sheet, pdf.MORE, pdf.MORE_ROWS)
    return writer.content()


class _Writer:
    """A document in the making."""

    def __init__(self, paper: Paper, size: float, kind: str, below: str) -> None:
        self.docx: Docx = Document()
        self.size = size
        self.begins: dict[int, bool] = {}
        self.measure = Canvas(document(""), size * 1.08, drawing=False)
        normal = self.docx.styles["Normal"]
        normal.font.name, normal.font.size = FONT, Pt(size)
        form = normal.paragraph_format
        form.space_before = form.space_after = Pt(0)
        form.line_spacing = 1.0
        self.docx.core_properties.title = f"{paper.title} : {kind.lower()}"
        self.docx.core_properties.author = "ANLTP/TIM"
        self.docx.core_properties.language = "fr-FR"
        section = self.docx.sections[0]
        section.page_width, section.page_height = Mm(pdf.WIDTH), Mm(pdf.HEIGHT)
        section.left_margin = section.right_margin = Mm(pdf.MARGIN)
        section.top_margin, section.bottom_margin = Mm(24), Mm(12)
        section.header_distance, section.footer_distance = Mm(8), Mm(5)
        columns = section._sectPr.xpath("./w:cols")[0]
        for name, value in (("num", "2"), ("space", str(int(pdf.GUTTER * 56.7))), ("sep", "1")):
            columns.set(qn(f"w:{name}"), value)
        self._head(paper, kind, below)

    def content(self) -> bytes:
        """The file."""
        release(self.measure.pdf)
        out = io.BytesIO()
        self.docx.save(out)
        return out.getvalue()

    def new_page(self) -> None:
        """What follows begins a page."""
        self.docx.add_section(WD_SECTION.NEW_PAGE)

    def _begin(self, item: object) -> None:
        """Begin a column or a page where the PDF does."""
        if id(item) in self.begins:
            kind = WD_BREAK.PAGE if self.begins[id(item)] else WD_BREAK.COLUMN
            paragraph = self._paragraph(0)
            paragraph.paragraph_format.line_spacing = Pt(1)  # what is left of it heads the next column
            paragraph.add_run().add_break(kind)

    def sections(self, found: Iterable[Section], member: str, rows: int) -> None:
        """Headings, notes and questions."""
        for section in found:
            self._begin(section)
            persons = section.persons
            if section.opens and persons and not section.table:
                self._banner(f"{persons.title}  {persons.letter}{member}", when(persons, member))
            condition = persons.condition if persons and section.table else section.condition
            if section.table or section.condition or not (section.opens and persons and section.title == persons.title):
                self._heading(section.title, condition)
            if section.table:
                self._table([item for item in section.items if isinstance(item, Question)], rows)
                continue
            for item in section.items:
                self._begin(item)
                if isinstance(item, Note):
                    self._note(item.text)
                elif isinstance(item, Contacts):
                    self._contacts(item)
                else:
                    self._question(item)

    def framed(self, text: str, bold: bool, above: float = 0) -> None:
        """A paragraph in a frame; frames that follow one another join."""
        paragraph = self._paragraph(above)
        paragraph.paragraph_format.left_indent = paragraph.paragraph_format.right_indent = Mm(1.2)
        paragraph.add_run(tied(text)).bold = bold
        _edges(paragraph, "top", "left", "bottom", "right")

    def _head(self, paper: Paper, kind: str, below: str) -> None:
        section = self.docx.sections[0]
        head, foot = section.header.paragraphs[0], section.footer.paragraphs[0]
        head.style = foot.style = self.docx.styles["Normal"]  # theirs have tabs of their own
        head.paragraph_format.tab_stops.add_tab_stop(Mm(pdf.WIDTH - 2 * pdf.MARGIN), WD_TAB_ALIGNMENT.RIGHT)
        head.add_run(paper.title).bold = True
        head.runs[0].font.size = Pt(15)
        if paper.has_code:
            head.add_run(f"\t{CODE}").font.size = Pt(20)
        line = section.header.add_paragraph(style=self.docx.styles["Normal"])
        line.paragraph_format.tab_stops.add_tab_stop(Mm(pdf.WIDTH - 2 * pdf.MARGIN), WD_TAB_ALIGNMENT.RIGHT)
        _grey(line, f"ANLTP/TIM, Niger · {kind}" + (f"\t{below}" if paper.has_code else ""))
        _edges(line, "bottom")
        foot.paragraph_format.tab_stops.add_tab_stop(Mm(pdf.WIDTH - 2 * pdf.MARGIN), WD_TAB_ALIGNMENT.RIGHT)
        _grey(foot, f"Confidentiel · {paper.release}\tpage ")
        _field(foot, "PAGE")
        _grey(foot, " sur ")
        _field(foot, "NUMPAGES")

    def _banner(self, title: str, condition: str) -> None:
        paragraph = self._paragraph(5)
        paragraph.paragraph_format.left_indent = paragraph.paragraph_format.right_indent = Mm(1.2)
        paragraph.paragraph_format.space_after = Pt(3)
        paragraph.paragraph_format.keep_with_next = True
        run = paragraph.add_run(title)
        run.bold, run.font.size = True, Pt(self.size * 1.4)
        if condition:
            run.add_break(WD_BREAK.LINE)
            paragraph.add_run(tied(condition)).italic = True
        _edges(paragraph, "top", "left", "bottom", "right")
        _shaded(paragraph)

    def _heading(self, title: str, condition: str) -> None:
        paragraph = self._paragraph(5)
        paragraph.paragraph_format.keep_with_next = True
        run = paragraph.add_run(title)
        run.bold, run.font.size = True, Pt(self.size * 1.1)
        if condition:
            paragraph.add_run(tied(f"  {condition}")).italic = True
        _shaded(paragraph)

    def _note(self, text: str) -> None:
        paragraph = self._paragraph(2.5)
        paragraph.paragraph_format.left_indent = Mm(2)
        paragraph.add_run(tied(text)).italic = True
        _edges(paragraph, "left")

    def _contacts(self, contacts: Contacts) -> None:
        paragraph = self._paragraph(4)
        form = paragraph.paragraph_format
        form.left_indent = form.right_indent = Mm(1.2)
        paragraph.add_run(tied(contacts.title)).bold = True
        half = (pdf.COLUMN - 2.4) / 2
        for at in (half, pdf.COLUMN - 2.4):
            form.tab_stops.add_tab_stop(Mm(1.2 + at), WD_TAB_ALIGNMENT.RIGHT, WD_TAB_LEADER.LINES)
        form.line_spacing = 1.3
        for at, label in enumerate(contacts.lines):
            run = paragraph.add_run()
            if at % 2 == 0:
                run.add_break(WD_BREAK.LINE)
            alone = at % 2 == 0 and at + 1 == len(contacts.lines)
            run.add_text(f"{label} ")
            paragraph.add_run("\t\t" if alone else "\t")
        _edges(paragraph, "top", "left", "bottom", "right")

    def _question(self, question: Question) -> None:
        paragraph = self._paragraph(4.5)
        form = paragraph.paragraph_format
        form.left_indent, form.first_line_indent = Mm(INDENT), Mm(-INDENT)
        form.keep_together = True
        said = " ".join(part for part in (question.condition, question.label, question.hint) if part)
        beneath = question.kind in ("lines", "whole") or (
            question.kind == "line" and self.measure.width(said, "B") > pdf.COLUMN - INDENT - 32
        )
        form.keep_with_next = question.kind == "boxes" or bool(question.choices) or beneath
        form.tab_stops.add_tab_stop(Mm(INDENT))
        form.tab_stops.add_tab_stop(Mm(pdf.COLUMN), WD_TAB_ALIGNMENT.RIGHT, WD_TAB_LEADER.LINES)
        paragraph.add_run(f"{question.number}\t").bold = True
        if question.condition:
            paragraph.add_run(tied(f"{question.condition} : ")).italic = True
        paragraph.add_run(tied(question.label)).bold = True
        if question.hint:
            _grey(paragraph, tied(f" {question.hint}"), self.size * 0.92)
        if question.kind in DIGITS:
            self._boxes(paragraph, DIGITS[question.kind])
            _grey(paragraph, LETTERS[question.kind], self.size * 0.8)
        elif question.kind == "code":
            self._boxes(paragraph, CODE)
        elif question.kind == "number":
            self._boxes(paragraph, "☐☐☐☐")
        elif question.kind == "line" and not beneath:
            paragraph.add_run(" \t")
            form.line_spacing = 1.25
        for _ in range(int(beneath) + (question.kind == "lines")):
            self._blank_line()
        self._choices(question)

    def _boxes(self, paragraph: Paragraph, boxes: str) -> None:
        paragraph.add_run("  ")
        paragraph.add_run(boxes).font.size = Pt(self.size * 1.5)

    def _blank_line(self) -> None:
        paragraph = self._paragraph(0)
        paragraph.paragraph_format.left_indent = Mm(INDENT)
        paragraph.paragraph_format.line_spacing = 1.6
        paragraph.paragraph_format.tab_stops.add_tab_stop(
            Mm(pdf.COLUMN), WD_TAB_ALIGNMENT.RIGHT, WD_TAB_LEADER.LINES
        )  # fmt: skip
        paragraph.add_run("\t")

    def _choices(self, question: Question) -> None:
        if not question.choices:
            return
        inside = pdf.COLUMN - INDENT
        columns, rows = grid(self.measure, inside, question.choices)
        for number, row in enumerate(rows):
            paragraph = self._paragraph(0)
            form = paragraph.paragraph_format
            form.left_indent, form.first_line_indent = Mm(INDENT + 3.6), Mm(-3.6)
            form.keep_with_next = number + 1 < len(rows)
            for column in range(1, columns):
                form.tab_stops.add_tab_stop(Mm(INDENT + inside * column / columns))
            before = 0
            for at, label in row:
                tabs = len([1 for column, _ in row if before < column <= at])
                paragraph.add_run("\t" * tabs + BOX + label)
                before = at

    def _table(self, questions: list[Question], rows: int) -> None:
        table = self.docx.add_table(rows=rows + 1, cols=len(questions))
        table.style = "Table Grid"
        table.autofit = False
        _narrow(table)
        first = pdf.COLUMN * 0.24
        rest = (pdf.COLUMN - first) / (len(questions) - 1)
        for number, question in enumerate(questions):
            table.columns[number].width = Mm(rest if number else first)
            for row in table.rows:
                row.cells[number].width = Mm(rest if number else first)
            cell = table.rows[0].cells[number].paragraphs[0]
            for text, bold in ((f"{question.number} ", True), (question.label, False)):
                run = cell.add_run(text)
                run.bold, run.font.size = bold, Pt(min(6.0, self.size * 0.7))
            _shaded(cell)
        for row in table.rows[1:]:
            row.height = Mm(6)

    def _paragraph(self, above: float) -> Paragraph:
        paragraph = self.docx.add_paragraph()
        paragraph.paragraph_format.space_before = Pt(above)
        return paragraph


def _grey(paragraph: Paragraph, text: str, size: float = 8) -> None:
    run = paragraph.add_run(text)
    run.font.size, run.font.color.rgb = Pt(size), GREY


def _field(paragraph: Paragraph, code: str) -> None:
    """A number that Word fills in."""
    run = paragraph.add_run("1")
    run.font.size, run.font.color.rgb = Pt(8), GREY
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), code)
    run._r.addprevious(field)
    field.append(run._r)


def _narrow(table: Table) -> None:
    """Cells with little room beside the text: eight of them stand in half a page."""
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), "30")
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    table._tblPr.append(margins)


def _edges(paragraph: Paragraph, *sides: str) -> None:
    borders = OxmlElement("w:pBdr")
    for side in sides:  # in the order of the schema: top, left, bottom, right
        edge = OxmlElement(f"w:{side}")
        for name, value in (("val", "single"), ("sz", "6"), ("space", "3" if side in ("left", "right") else "1")):
            edge.set(qn(f"w:{name}"), value)
        borders.append(edge)
    _property(paragraph, borders)


def _shaded(paragraph: Paragraph) -> None:
    shade = OxmlElement("w:shd")
    for name, value in (("val", "clear"), ("color", "auto"), ("fill", "E1E1E1")):
        shade.set(qn(f"w:{name}"), value)
    _property(paragraph, shade)


def _property(paragraph: Paragraph, element: object) -> None:
    """Put a border or a shade where the schema wants it: after the keeping together, before tabs and spacing."""
    properties = paragraph._p.get_or_add_pPr()
    later = {qn(f"w:{name}") for name in (
        "shd", "tabs", "suppressAutoHyphens", "spacing", "ind", "contextualSpacing", "jc", "rPr",
    )}  # fmt: skip
    for child in properties:
        if child.tag in later and child.tag != getattr(element, "tag", ""):
            child.addprevious(element)
            return
    properties.append(element)
