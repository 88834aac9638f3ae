"""Native bar and column charts, plain enough to be read in a photocopy."""

from __future__ import annotations

from dataclasses import dataclass

from openpyxl.chart import BarChart, Reference, Series
from openpyxl.chart.data_source import StrRef
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.series import SeriesLabel
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, TwoCellAnchor
from openpyxl.drawing.text import CharacterProperties, Font, Paragraph, ParagraphProperties
from openpyxl.utils.units import cm_to_EMU
from openpyxl.worksheet.worksheet import Worksheet

from reports.look import FONT, INK, LINE, SERIES
from reports.safe_text import safe_text


@dataclass(frozen=True)
class Box:
    """The cells that a chart covers, all four included: it follows the widths of its columns."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int

    def anchor(self) -> TwoCellAnchor:
        """The anchor, with a small gap: the frame touches neither a table beside it nor the page break above it."""
        side, top = cm_to_EMU(0.3), cm_to_EMU(0.1)
        return TwoCellAnchor(
            editAs="oneCell",
            _from=AnchorMarker(col=self.first_column - 1, row=self.first_row - 1, colOff=side, rowOff=top),
            to=AnchorMarker(col=self.last_column, row=self.last_row),
        )


def _text(size: int, *, bold: bool = False) -> RichText:
    properties = CharacterProperties(sz=size * 100, b=bold, solidFill=INK, latin=Font(typeface=FONT))
    return RichText(p=[Paragraph(pPr=ParagraphProperties(defRPr=properties), endParaRPr=properties)])


def _title(chart: BarChart, text: str) -> None:
    chart.title = safe_text(text)
    assert chart.title is not None and chart.title.tx is not None and chart.title.tx.rich is not None
    chart.title.overlay = False
    properties = CharacterProperties(sz=1000, b=True, solidFill=INK, latin=Font(typeface=FONT))
    for paragraph in chart.title.tx.rich.p:
        paragraph.pPr = ParagraphProperties(defRPr=properties)
        for run in paragraph.r:
            run.rPr = properties


def bar_chart(
    sheet: Worksheet, kind: str, title: str, *, header_row: int, first_row: int, last_row: int, label_column: int,
    first_column: int, last_column: int, stacked: bool, number_format: str, box: Box,
) -> None:  # fmt: skip
    """Draw a `bar` (horizontal) or `column` chart of a block of cells of the same sheet.

    Categories are in `label_column`; each column from `first_column` to `last_column` is a series named by its
    cell in `header_row`. A single series carries its values as labels and needs no axis of values.
    """
    chart = BarChart()
    chart.type = "bar" if kind == "bar" else "col"
    chart.style, chart.gapWidth = 2, 45
    _title(chart, title)
    for index, column in enumerate(range(first_column, last_column + 1)):
        name = Reference(sheet, min_col=column, min_row=header_row, max_row=header_row)
        series = Series(Reference(sheet, min_col=column, min_row=first_row, max_row=last_row), title_from_data=False)
        series.tx = SeriesLabel(strRef=StrRef(str(name)))
        series.graphicalProperties = GraphicalProperties(solidFill=SERIES[index % len(SERIES)])
        series.graphicalProperties.line = LineProperties(solidFill="FFFFFF", w=6350)
        series.invertIfNegative = False
        chart.series.append(series)
    chart.set_categories(Reference(sheet, min_col=label_column, min_row=first_row, max_row=last_row))
    single = first_column == last_column
    if stacked and not single:
        chart.grouping, chart.overlap = "stacked", 100
    elif not single:
        chart.overlap = -5
    _axes(chart, single, number_format)
    if single:
        chart.legend = None
    else:
        assert chart.legend is not None
        chart.legend.position = "b"
        chart.legend.txPr = _text(9)
    if single or not stacked:
        labels = DataLabelList()
        labels.showVal = True
        labels.showSerName = labels.showCatName = labels.showLegendKey = labels.showPercent = False
        labels.numFmt, labels.txPr = number_format, _text(9)
        chart.dataLabels = labels
    chart.graphical_properties = GraphicalProperties(solidFill="FFFFFF")
    chart.graphical_properties.line = LineProperties(solidFill=LINE, w=9525)
    chart.roundedCorners = False
    chart.anchor = box.anchor()  # type: ignore[assignment]
    sheet.add_chart(chart)


def _axes(chart: BarChart, single: bool, number_format: str) -> None:
    # openpyxl leaves `delete` unset, which recent Excel reads as "no axis"
    chart.x_axis.delete = False
    chart.y_axis.delete = single
    chart.x_axis.txPr = chart.y_axis.txPr = _text(9)
    chart.x_axis.majorTickMark = chart.y_axis.majorTickMark = "none"
    chart.x_axis.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=LINE))
    chart.y_axis.graphicalProperties = GraphicalProperties(ln=LineProperties(noFill=True))
    chart.y_axis.number_format, chart.y_axis.scaling.min = number_format, 0
    if single:
        chart.y_axis.majorGridlines = None
    else:
        assert chart.y_axis.majorGridlines is not None
        chart.y_axis.majorGridlines.spPr = GraphicalProperties(ln=LineProperties(solidFill="E4E8EE"))
    if chart.type == "bar":
        chart.x_axis.scaling.orientation = "maxMin"  # first row on top, as in the table
        chart.y_axis.crosses = "max"
