"""Fonts, colours, number formats and the named cell styles: what is drawn, not where."""

from __future__ import annotations

from collections.abc import Iterator

from openpyxl.styles import Alignment, Border, Font, NamedStyle, PatternFill, Side

FONT = "Calibri"
INK, NAVY, GREY, LINE, HEAD, BAND, WARN = "222222", "1F3864", "5A6270", "BCC5D1", "DDE4EE", "F3F5F8", "F4ECD8"
SERIES = (NAVY, "8FA5C4", "5A6270", "C9D3E0", "3E6A8A", "A3A9B3")
"""Chart colours in the order of the series: neighbours differ in lightness, so that they differ in grey."""

NUMBER = '[>=1000000]#"\u202f"###"\u202f"##0;[>=1000]#"\u202f"##0;0'
"""Integers with a narrow space between thousands, whatever the language of the spreadsheet program."""
DECIMAL = "0.00"
DATE = "dd/mm/yyyy"


def named_styles() -> Iterator[NamedStyle]:
    """The styles of cells, by what a cell is; all are named `ANLTP …`."""
    thin, hair = Side(style="thin", color=NAVY), Side(style="hair", color=LINE)
    line = Side(style="thin", color=LINE)
    under = Border(bottom=hair)
    head = PatternFill("solid", fgColor=HEAD)

    def style(
        name: str, *, size: float = 10, bold: bool = False, color: str = INK, italic: bool = False,
        horizontal: str | None = None, vertical: str = "top", wrap: bool = False, indent: int = 0,
        fill: PatternFill | None = None, border: Border | None = None, number: str = "General",
    ) -> NamedStyle:  # fmt: skip
        made = NamedStyle(name=f"ANLTP {name}")
        made.font = Font(name=FONT, size=size, bold=bold, color=color, italic=italic)
        horizontal = horizontal or ("left" if indent else None)  # an indent needs a side
        made.alignment = Alignment(horizontal=horizontal, vertical=vertical, wrap_text=wrap, indent=indent)
        made.fill = fill or PatternFill()
        made.border = border or Border()
        made.number_format = number
        return made

    bar, band = Border(left=Side(style="thick", color=NAVY)), PatternFill("solid", fgColor=NAVY)
    total = Border(top=thin, bottom=thin)
    tile = PatternFill("solid", fgColor=BAND)
    yield style("Institution", size=11, color=GREY, wrap=True)
    yield style("Titre", size=20, bold=True, color=NAVY, wrap=True, vertical="center")
    yield style("Titre feuille", size=14, bold=True, color=NAVY, wrap=True, vertical="center")
    yield style("Période", size=12, color=INK, wrap=True)
    yield style("Section", size=12, bold=True, color=NAVY, border=Border(bottom=thin), vertical="center")
    yield style("Titre tableau", size=11, bold=True, color=NAVY, wrap=True)
    yield style("Confidentiel", bold=True, wrap=True, vertical="center", indent=1,
                fill=PatternFill("solid", fgColor=WARN), border=bar)  # fmt: skip
    yield style("Libellé", bold=True, color=GREY, wrap=True)
    yield style("Corps", wrap=True)
    yield style("Note", size=9, color=GREY, wrap=True)
    yield style("Lien", color="1F4E8C")
    yield style("Lien liste", color="1F4E8C", border=under)
    yield style("Bande", size=9, bold=True, color="FFFFFF", horizontal="left", vertical="center", fill=band,
                border=Border(left=Side(style="medium", color="FFFFFF")))  # fmt: skip
    yield style("Bande suite", fill=band)
    parted = Border(top=thin, bottom=thin, left=Side(style="medium", color="FFFFFF"))
    yield style("En-tête", bold=True, color=NAVY, wrap=True, vertical="center", fill=head, border=parted)
    yield style("En-tête nombre", bold=True, color=NAVY, wrap=True, vertical="center", horizontal="center",
                fill=head, border=parted)  # fmt: skip
    yield style("En-tête centré", bold=True, color=NAVY, wrap=True, vertical="center", horizontal="center",
                fill=head, border=Border(top=thin, bottom=thin, left=line, right=line))  # fmt: skip
    yield style("Texte", border=under)
    yield style("Texte long", wrap=True, border=under)
    yield style("Nombre", border=under, number=NUMBER, horizontal="right", indent=1)
    yield style("Décimal", border=under, number=DECIMAL, horizontal="right", indent=1)
    yield style("Date", border=under, number=DATE, horizontal="center")
    yield style("Ligne", wrap=True, border=under, vertical="center")
    yield style("Ligne dont", wrap=True, border=under, italic=True, color=GREY, indent=2, vertical="center")
    yield style("Case", border=under, number=NUMBER, horizontal="right", vertical="center")
    yield style("Signe", border=under, horizontal="center", color=GREY, vertical="center")
    yield style("Total", bold=True, wrap=True, fill=head, border=total, vertical="center")
    yield style("Case totale", bold=True, fill=head, border=total, number=NUMBER, horizontal="right", vertical="center")
    yield style("Signe total", bold=True, fill=head, border=total, horizontal="center", vertical="center")
    yield style("Case marge", bold=True, fill=tile, border=under, number=NUMBER, horizontal="right", vertical="center")
    yield style("Signe marge", bold=True, fill=tile, border=under, horizontal="center", vertical="center")
    yield style("Chiffre", size=20, bold=True, color=NAVY, number=NUMBER, horizontal="left", vertical="center",
                indent=1, fill=tile, border=bar)  # fmt: skip
    yield style("Chiffre libellé", bold=True, wrap=True, vertical="center", indent=1, fill=tile,
                border=bar)  # fmt: skip
    yield style("Chiffre note", size=9, color=GREY, wrap=True, indent=1, fill=tile,
                border=bar)  # fmt: skip
