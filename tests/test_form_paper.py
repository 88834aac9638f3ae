"""The paper forms: the same questions, order and words as the phone's, on two pages, each sheet with its own code."""

import csv
import io
import re
import shutil
from datetime import date
from pathlib import Path

import pytest
from docx import Document
from fontTools.ttLib import TTFont
from pypdf import PdfReader
from typer.testing import CliRunner

from kobo_sync import form_paper_canvas, form_paper_docx, form_paper_files, form_paper_pdf, forms
from kobo_sync import form_paper_conditions as conditions
from kobo_sync.cli import app
from kobo_sync.form_names import CASE_FORMS
from kobo_sync.form_paper import Paper, Question, paper, problems
from transforms import case_code

ASKED = ("select_one", "select_multiple", "select_one_from_file", "text", "integer", "date")
TODAY = date(2026, 3, 2)


def rows(form: str) -> list[dict[str, str]]:
    with (forms.FOLDER / form / "survey.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def words() -> list[dict[str, str]]:
    with (forms.FOLDER / "paper.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def questions(form: str, part: str) -> list[str]:
    """Names of the form's questions of a part, in order, straight from its sheet."""
    return [r["name"] for r in rows(form) if r["type"].split(" ")[0] in ASKED and (r.get("part") or "core") == part]


def left_out(form: str) -> set[str]:
    """Questions that paper may lack: said so in `paper.csv` with a reason, or never asked when paper is keyed in."""
    names = {row["name"] for row in words() if row["use"] == "omit" and row["form"] in ("", form) and row["text"]}
    inside: list[str] = []
    for row in rows(form):
        if row["type"].startswith("begin_"):
            inside.append(row["relevant"])
        elif row["type"].startswith("end_"):
            inside.pop()
        else:
            not_asked = any(re.search(r"(?<!\()\$\{mode\} != 'papier'", one) for one in [*inside, row["relevant"]])
            of_the_keyer = row["relevant"] == "selected(${points}, 'papier')"
            names |= {row["name"]} if not_asked or of_the_keyer else set()
    return names


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u00a0]+", "", text)


def pages(content: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]


def said(question: Question, table: bool) -> str:
    condition = f"{question.condition}:" if question.condition and not table else ""
    return squeezed(question.number + condition + question.label)


def issued(folder: Path) -> list[list[str]]:
    text = (folder / "codes-émis-2026-03-02.csv").read_text(encoding="utf-8")
    return list(csv.reader(text.splitlines()))


def tables(sheet: Paper) -> set[str]:
    return {item.name for s in sheet.core if s.table for item in s.items if isinstance(item, Question)}


@pytest.mark.parametrize("form", forms.FORMS)
def test_every_question_is_numbered_in_the_order_of_the_form_or_left_out_with_a_reason(form: str) -> None:
    sheet = paper(form)
    for part, prefix in (("core", ""), ("annex", "A")):
        expected = [name for name in questions(form, part) if name not in left_out(form)]
        assert [question.name for question in sheet.questions(part)] == expected
        numbers = [question.number for question in sheet.questions(part)]
        assert numbers == [f"{prefix}{n}" for n in range(1, len(expected) + 1)]
    assert len(sheet.questions("core")) >= 9


@pytest.mark.parametrize("form", forms.FORMS)
def test_the_pdf_shows_each_core_question_once_with_its_number_in_order(form: str) -> None:
    sheet = paper(form)
    text = squeezed("".join(pages(form_paper_pdf.core_pdf(sheet))))
    at = 0
    for question in sheet.questions("core"):
        shown = said(question, question.name in tables(sheet))
        assert text.count(shown) == 1, shown
        assert text.index(shown) > at
        at = text.index(shown)
        for choice in question.choices:
            assert squeezed(choice) in text[at:]


@pytest.mark.parametrize("form", forms.FORMS)
def test_the_core_holds_on_two_pages_and_nothing_leaves_them(form: str) -> None:
    content = form_paper_pdf.core_pdf(paper(form))
    assert len(pages(content)) == (2 if form in CASE_FORMS else 1)
    edge = form_paper_pdf.MARGIN / form_paper_canvas.POINT - 0.1
    for page in PdfReader(io.BytesIO(content)).pages:
        places: list[tuple[float, float]] = []
        page.extract_text(
            visitor_text=lambda text, cm, tm, fonts, size, kept=places: (
                kept.append((tm[4], tm[5])) if text.strip() else None
            )
        )
        assert places
        for x, y in places:
            assert edge <= x <= float(page.mediabox.width) - edge
            assert 12 <= y <= float(page.mediabox.height) - 12


def test_a_core_that_two_pages_cannot_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form_paper_pdf, "BOTTOM", 120.0)
    with pytest.raises(form_paper_pdf.TooLong, match="traite"):
        form_paper_pdf.core_pdf(paper("traite"))


@pytest.mark.parametrize("form", CASE_FORMS)
def test_the_annex_has_the_rest_and_a_sheet_for_further_persons(form: str) -> None:
    sheet = paper(form)
    content = form_paper_pdf.annex_pdf(sheet)
    assert content is not None
    text = squeezed("".join(pages(content)))
    for question in sheet.questions("annex"):
        assert text.count(said(question, False)) == 1
    again = [i for s in sheet.core if s.persons and not s.table for i in s.items if isinstance(i, Question)]
    assert again and all(text.count(said(question, False)) == 1 for question in again)
    assert "____" in text


def sheet_pages(sheet: Paper) -> dict[str, list[str]]:
    """Text of the annex's pages by the letter of the persons that they describe, as `when` heads them."""
    content = form_paper_pdf.annex_pdf(sheet)
    assert content is not None
    found: dict[str, list[str]] = {}
    at = ""
    for text in pages(content):
        heads = re.findall(r"([A-Z])____", text)
        assert len(heads) <= 1  # never two kinds of person on a page
        at = heads[0] if heads else at
        found.setdefault(at, []).append(squeezed(text))
    return found


@pytest.mark.parametrize(("form", "letters"), [("traite", "VA"), ("trafic", "MS")])
def test_the_sheet_of_a_further_person_is_whole_and_can_be_copied_alone(form: str, letters: str) -> None:
    sheet = paper(form)
    found = sheet_pages(sheet)
    assert set(letters) <= set(found)
    for letter, texts in found.items():
        text, own = "".join(texts), set[str]()
        for part in (sheet.core, sheet.annex):
            for section in part:
                questions = [item for item in section.items if isinstance(item, Question)]
                mine = section.persons is not None and section.persons.letter == letter
                assert not mine or all(said(q, section.table) in text for q in questions)
                own |= {said(q, section.table) for q in questions if mine}
                if letter and not mine and not section.table:
                    assert not [q for q in questions if said(q, False) in text and said(q, False) not in own]
    assert all(len(texts) <= 2 for texts in found.values())  # one sheet of paper
    main = letters[form == "trafic"]  # of the persons whom the sheet itself describes
    assert f"{main}1estsurlafiche:pourcenuméro,seulementlesquestionsA" in found[main][0]


def test_the_docx_annex_begins_a_page_for_each_sheet() -> None:
    for form in CASE_FORMS:
        content = form_paper_docx.annex_docx(paper(form))
        assert content is not None
        assert len(Document(io.BytesIO(content)).sections) == len(form_paper_pdf.sheets(paper(form))) >= 3


@pytest.mark.parametrize("form", CASE_FORMS)
def test_whom_to_call_first_is_a_frame_for_the_region_on_the_first_page(form: str) -> None:
    sheet = paper(form)
    first = squeezed(pages(form_paper_pdf.core_pdf(sheet))[0])
    docx = squeezed("".join(p.text for p in Document(io.BytesIO(form_paper_docx.core_docx(sheet))).paragraphs))
    for text in (first, docx):
        asked, call = text.index(squeezed("Avant de remplir")), text.index("appelezd’abord")
        assert asked < call < text.index(squeezed("Quand et où"))
        for line in ("Sécurité", "Soins", "Enfant", "Interprète", "ANLTP"):
            assert line in text[call : text.index(squeezed("Quand et où"))]
    assert "compléter" not in first  # no number of one region on a sheet for all


@pytest.mark.parametrize("form", ["traite", "trafic", "suivi", "declaration"])
def test_the_body_is_written_on_a_line_of_its_own_by_name_or_code(form: str) -> None:
    body = next(question for question in paper(form).questions("core") if question.name == "entite")
    assert (body.kind, body.hint) == ("whole", "(ou son code)")


def test_a_name_is_asked_only_of_a_body_that_may_pass_it_on_and_of_a_person_who_agrees() -> None:
    asked = {}
    for form in ("traite", "trafic", "suivi"):
        sheet = paper(form)
        every = sheet.questions("core") + sheet.questions("annex")
        asked[form] = [q.name for q in every if re.search(r"[Pp]rénom|^Nom$|[Nn]om de la personne", q.label)]
        assert any("Aucun nom" in line or "Le code du cas tient lieu de nom" in line for line in sheet.intro)
    assert asked == {"traite": ["v_prenom", "v_nom"], "trafic": [], "suivi": []}
    sheet = paper("traite")
    section = next(s for s in sheet.core for item in s.items if isinstance(item, Question) and item.name == "v_nom")
    assert "seulement si l’organisme y est autorisé et la personne d’accord" in section.title
    numbers = {question.name: question for question in sheet.questions("core")}
    assert section.condition.endswith(f"« Oui » à la question {numbers['v_c_nom'].number}")
    assert "autorisé à transmettre des noms" in numbers["v_c_nom"].condition


def test_safety_and_consent_come_first() -> None:
    for form in CASE_FORMS:
        core = paper(form).questions("core")
        assert [question.name for question in core[:2]] == ["entite", "points"]
        assert "papier" not in " ".join(core[1].choices)
    victim = next(s for s in paper("traite").core if s.persons)
    assert {"v_c_enreg", "v_c_adulte"} <= {item.name for item in victim.items if isinstance(item, Question)}


def test_each_printed_sheet_bears_its_own_checked_code_on_both_pages(tmp_path: Path) -> None:
    written = form_paper_files.write(tmp_path, 3, TODAY, ["traite"])
    listed = issued(tmp_path)
    assert listed[0] == ["code", "fiche", "date"]
    assert [row[1:] for row in listed[1:]] == [["traite", "2026-03-02"]] * 3
    codes = [row[0] for row in listed[1:]]
    assert len(set(codes)) == 3 and all(case_code.is_case_code(code) for code in codes)
    texts = pages((tmp_path / "traite-papier-2026-03-02.pdf").read_bytes())
    assert len(texts) == 6
    for number, text in enumerate(texts):
        code = codes[number // 2]
        assert code in squeezed(text) and f"Fiche {case_code.shown_code(code)}" in text
        assert not [other for other in codes if other != code and other in squeezed(text)]
    assert {path.suffix for path in written} == {".pdf", ".docx", ".csv"}


def test_a_second_print_of_the_day_keeps_the_first_and_its_codes(tmp_path: Path) -> None:
    form_paper_files.write(tmp_path, 1, TODAY, ["trafic"])
    first = (tmp_path / "trafic-papier-2026-03-02.pdf").read_bytes()
    form_paper_files.write(tmp_path, 1, TODAY, ["trafic"])
    assert (tmp_path / "trafic-papier-2026-03-02.pdf").read_bytes() == first
    assert (tmp_path / "trafic-papier-2026-03-02-2.pdf").exists()
    assert len({row[0] for row in issued(tmp_path)[1:]}) == 2


def test_a_code_issued_before_is_not_issued_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["AAAAAAAA2", "BBBBBBBB3", "BBBBBBBB3", "CCCCCCCC4"])
    monkeypatch.setattr(case_code, "issue", lambda: next(drawn))
    (tmp_path / "codes-émis-2026-01-01.csv").write_text("code,fiche,date\nAAAAAAAA2,traite,2026-01-01\n")
    assert form_paper_files.issue(tmp_path, 2) == ["BBBBBBBB3", "CCCCCCCC4"]


def test_a_sheet_without_an_issued_code_says_where_one_comes_from() -> None:
    assert "recopiez un code émis" in pages(form_paper_pdf.core_pdf(paper("traite")))[0]
    assert "recopiez" not in pages(form_paper_pdf.core_pdf(paper("traite"), [case_code.issue()]))[0].split("Écrivez")[0]


@pytest.mark.parametrize("form", forms.FORMS)
def test_the_docx_says_the_same_in_the_same_order(form: str) -> None:
    sheet = paper(form)
    document = Document(io.BytesIO(form_paper_docx.core_docx(sheet)))
    text = squeezed("\n".join(paragraph.text for paragraph in document.paragraphs))
    at = 0
    for question in sheet.questions("core"):
        if question.name not in tables(sheet):
            shown = said(question, False)
            assert text.count(shown) == 1, shown
            assert text.index(shown) > at
            at = text.index(shown)
    heads = squeezed("".join(cell.text for table in document.tables for cell in table.rows[0].cells))
    assert all(said(q, True) in heads for q in sheet.questions("core") if q.name in tables(sheet))
    boxes = sum(len(question.choices) for question in sheet.questions("core") if question.name not in tables(sheet))
    assert text.count("☐") > boxes  # one a choice, and those of dates and codes


ORDER = (
    "pStyle", "keepNext", "keepLines", "pageBreakBefore", "framePr", "widowControl", "numPr", "suppressLineNumbers",
    "pBdr", "shd", "tabs", "suppressAutoHyphens", "spacing", "ind", "contextualSpacing", "jc", "rPr", "sectPr",
)  # fmt: skip


@pytest.mark.parametrize("form", forms.FORMS)
def test_word_finds_the_properties_of_paragraphs_in_its_order(form: str) -> None:
    """LibreOffice forgives another order; Word may call the file corrupt."""
    contents = (form_paper_docx.core_docx(paper(form)), form_paper_docx.annex_docx(paper(form)))
    for document in (Document(io.BytesIO(content)) for content in contents if content):
        parts = [document, document.sections[0].header, document.sections[0].footer]
        for paragraph in (paragraph for part in parts for paragraph in part.paragraphs):
            found = [child.tag.rpartition("}")[2] for child in paragraph._p.pPr] if paragraph._p.pPr is not None else []
            assert found == sorted(found, key=ORDER.index)


def test_the_face_has_every_letter_that_a_form_may_print() -> None:
    letters = set("ɓɗƙƴŋɲɛɔƁƊƘƳ«»’–—œæçÉÀÊ…")
    for form in forms.FORMS:
        sheet = paper(form)
        for question in sheet.questions("core") + sheet.questions("annex"):
            letters |= set(question.label + question.hint + question.condition + "".join(question.choices))
    for weight, italic in form_paper_canvas.STYLES.values():
        path = form_paper_canvas.fontpkg.path(form_paper_canvas.FAMILY, weight, "italic" if italic else "normal")
        with TTFont(path, lazy=True) as face:
            assert not {letter for letter in letters if ord(letter) not in face.getBestCmap() and letter != "\u2060"}


@pytest.mark.parametrize(
    ("expression", "french"),
    [
        ("", ""),
        ("${a} = 'oui'", "Si « Oui » à la question 7"),
        ("${a} = 'oui' or ${a} = 'unk'", "Si « Oui » ou « Ne sait pas » à la question 7"),
        (
            "selected(${m}, 'x') or selected(${m}, 'y') or selected(${m}, 'z')",
            "Si « X », « Y » ou « Z » à la question 8",
        ),
        ("${a} != ''", ""),
        ("${a} != '' and ${a} != 'unk'", "Si autre chose que « Ne sait pas » à la question 7"),
        ("${a} != 'unk' and ${a} != 'oui'", "Si autre chose que « Ne sait pas » ou « Oui » à la question 7"),
        ("${m} != '' and not(selected(${m}, 'x'))", "Si autre chose que « X » à la question 8"),
        ("count-selected(${m}) > 1", "Si plusieurs réponses à la question 8"),
        ("(${a} = 'oui' and ${n} > 0)", "Si « Oui » à la question 7, et si plus de 0 à la question 9"),
        ("${a} = 'oui' or ${n} > 0", "Si « Oui » à la question 7, ou si plus de 0 à la question 9"),
        ("${calcul} = 'oui'", "S’il pleut (question 7)"),
    ],
)
def test_a_condition_is_said_in_french(expression: str, french: str) -> None:
    labels = {"oui": "Oui (certain)", "unk": "Ne sait pas", "x": "X", "y": "Y", "z": "Z"}
    condition = conditions.read(expression, {"${calcul} = 'oui'": "il pleut (question {a})"})
    assert conditions.say(condition, {"a": "7", "m": "8", "n": "9"}.__getitem__, lambda _, code: labels[code]) == french


def test_a_condition_that_nobody_worded_is_never_guessed_nor_dropped(tmp_path: Path) -> None:
    for expression in ("${a} = ${b}", "string-length(${a}) > 3", "not(${a} = 'x' and ${b} = 'y')", "${a} ="):
        with pytest.raises(conditions.Unsaid):
            conditions.say(conditions.read(expression, {}), str, lambda _, code: code)
    assert conditions.read("${calcul} = 3 and ${mode} != 'papier'", {}) is False
    folder = Path(shutil.copytree(forms.FOLDER, tmp_path / "xlsforms"))
    assert problems(folder) == []
    text = (folder / "paper.csv").read_text(encoding="utf-8")
    (folder / "paper.csv").write_text(re.sub(r".*\$\{v_num\} > 1.*\n", "", text), encoding="utf-8", newline="")
    assert [(problem.form, problem.where) for problem in problems(folder)] == [("traite", "paper.csv")]


def test_paper_words_speak_of_rows_that_the_forms_have() -> None:
    for row in words():
        of = [row["form"]] if row["form"] else forms.FORMS
        sheets = [one for form in of for one in rows(form)]
        if row["name"].startswith("${"):
            assert any(row["name"] in one["relevant"] for one in sheets), row
        elif row["name"]:
            assert row["name"] in {one["name"] for one in sheets}, row
        assert row["use"] in (
            "intro",
            "condition",
            "label",
            "hint",
            "note",
            "omit",
            "omit_choice",
            "letter",
            "contacts",
        ), row


def test_the_command_writes_the_files_and_says_which(tmp_path: Path) -> None:
    run = CliRunner().invoke
    done = run(app, ["forms", "paper", "--out", str(tmp_path / "ici"), "--form", "declaration", "--codes", "2"])
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "ici").iterdir()} == {"declaration-papier.pdf", "declaration-papier.docx"}
    assert "declaration-papier.pdf" in done.output
    assert run(app, ["forms", "paper", "--out", str(tmp_path), "--form", "autre"]).exit_code == 2
