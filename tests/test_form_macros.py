"""The macros as JavaRosa reckons them: codes and their check, numbers that nothing takes back, keys of names."""

import random
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from pyxform.xls2xform import convert

from kobo_sync import form_macros
from kobo_sync.forms_lint import validate
from tests.engines.javarosa import Form
from transforms import case_code

HEAD = "| survey |\n| | type | name | label | calculation | default | constraint | relevant |\n"


def xform(*rows: tuple[str, ...]) -> Path:
    """A small form of (type, name, calculation, default) rows, macros filled in, checked by ODK Validate."""
    text = HEAD
    for kind, name, *cells in rows:
        calculation, default = (*map(form_macros.fill, cells), "", "")[:2]
        label = "" if kind in ("calculate", "hidden") or kind.startswith("end") else name
        text += f"| | {kind} | {name} | {label} | {calculation} | {default} | | |\n"
    path = Path(mkdtemp(prefix="macros-")) / "form.xml"
    path.write_text(convert(text, file_type=".md", validate=False).xform, encoding="utf-8")
    return path


@cache
def code_form() -> Path:
    return xform(
        ("text", "drawn"),
        ("integer", "number"),
        ("text", "typed"),
        ("calculate", "code", "@drawn_code(${drawn}, ${number})"),
        ("calculate", "normal", "@normal_code(${typed})"),
        ("calculate", "valid", "if(@code_is_valid(@normal_code(${typed})), 'oui', 'non')"),
        ("calculate", "shown", "@shown_code(${normal})"),
    )


def test_odk_validate_takes_every_macro() -> None:
    assert validate(code_form()) == ""
    assert validate(name_form()) == ""
    assert validate(numbered()) == ""


def test_the_phone_completes_a_code_as_the_base_does() -> None:
    form = Form(code_form())
    chance = random.Random(4)
    for _ in range(150):
        drawn, number = "".join(chance.choices(case_code.ALPHABET, k=7)), chance.randrange(31)
        form.set("drawn", drawn)
        form.set("number", number)
        assert form.value("code") == case_code.complete(drawn, number)
    form.set("number", None)
    assert form.value("code") == ""


def test_the_phone_refuses_what_the_base_refuses() -> None:
    form = Form(code_form())
    chance = random.Random(5)
    verdicts = set()
    for _ in range(150):
        code = case_code.issue(chance.randrange)
        if chance.random() < 0.7:
            at = chance.randrange(9)
            code = code[:at] + chance.choice([*case_code.ALPHABET, "I", "0", ""]) + code[at + 1 :]
        form.set("typed", code)
        verdict = form.value("valid")
        assert (verdict == "oui") == case_code.is_case_code(code), code
        verdicts.add(verdict)
    assert verdicts == {"oui", "non"}


@pytest.mark.parametrize("typed", ["k7m4xq2p2", "K7M 4XQ 2P2", "k7m-4xq–2p2", "K7M.4XQ.2P2"])
def test_a_code_may_be_typed_as_it_is_read(typed: str) -> None:
    form = Form(code_form())
    form.set("typed", typed)
    assert form.value("normal") == case_code.normal_code(typed) == "K7M4XQ2P2"
    assert form.value("shown") == "K7M 4XQ 2P2"


@cache
def numbered() -> Path:
    return xform(
        ("begin_repeat", "person"),
        ("hidden", "num", "", "@next_number(person, num)"),
        ("calculate", "code", "concat('X-V', ${num})"),
        ("text", "word"),
        ("end_repeat", ""),
        ("text", "last"),
    )


def test_a_number_stays_when_another_instance_goes() -> None:
    form = Form(numbered())
    form.fill({"person": [{"word": "a"}, {"word": "b"}, {"word": "c"}]})
    assert [form.value("code", row) for row in (1, 2, 3)] == ["X-V1", "X-V2", "X-V3"]
    form.delete("person", 2)
    assert [form.value("code", row) for row in (1, 2)] == ["X-V1", "X-V3"]
    form.add("person")
    assert [form.value("code", row) for row in (1, 2, 3)] == ["X-V1", "X-V3", "X-V4"]
    form.delete("person", 1)
    assert [form.value("code", row) for row in (1, 2)] == ["X-V3", "X-V4"]


@cache
def name_form() -> Path:
    return xform(
        ("text", "name"),
        ("calculate", "folded", "@name_fold(${name})"),
        *(("calculate", f"word{n}", f"@name_word(${{folded}}, {n})") for n in range(1, 5)),
        ("calculate", "key", "@name_key(${word1}, ${word2}, ${word3}, ${word4})"),
    )


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Mahamadou Issoufou", "mt.sb"),
        ("MAHAMADU  ISUFU", "mt.sb"),
        ("Muhammadou-Issoufou", "mt.sb"),
        ("Aïchatou", "st"),
        ("Aï Awa", "h.h"),
        ("N’Diaye", "nt"),
        ("ɗan Ƙasa ɓaɓa ƴar ŋoma", "tn.s.b.r"),
        ("Ali Ali Ali Ali Ali", "l.l.l.l"),
        ("bdbdbdbdbdbdbdbd", "btbtbtbtbtbt"),
        ("  — 12 ", ""),
        ("Zeïnabou\u202fŒuvre", "snb.br"),
        ("Zeïnabou\u00a0Œuvre", "snbr"),  # a spreadsheet makes a plain space of it in the table
    ],
)
def test_a_name_folds_to_what_survives_its_spellings(name: str, key: str) -> None:
    form = Form(name_form())
    form.set("name", name)
    assert form.value("key") == key


@pytest.mark.parametrize(
    ("wrong", "message"),
    [("@unheard(1)", "inconnue"), ("@shown_code(1, 2)", "argument"), ("@shown_code(substr(a", "fermée")],
)
def test_a_macro_written_wrong_is_named(wrong: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        form_macros.fill(f"concat({wrong}")


def test_a_comma_in_quotes_or_parentheses_parts_no_arguments() -> None:
    assert form_macros.fill("@shown_code(concat('a,)', ${b}))").count("concat('a,)', ${b})") == 3
