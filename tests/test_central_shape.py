"""A Central row read from its OData and from its XML is one and the same, in the shape of a Kobo row."""

from __future__ import annotations

from xml.sax.saxutils import escape

from hypothesis import given, settings
from hypothesis import strategies as st

from kobo_sync.central_shape import Questions, from_odata, from_xml, questions
from kobo_sync.demo_server.central import odata_rows, xforms
from tests.central_fixture import xform

KINDS = (
    ("village", "string"),
    ("size", "int"),
    ("area", "decimal"),
    ("seen", "date"),
    ("start", "dateTime"),
    ("acts", "string"),
    ("place", "geopoint"),
)
DEFINITION = xforms.read(xform("small", "1", KINDS))
FORM = questions(list(xforms.listed(DEFINITION.fields, "", safe=False)))
ROOT = "uuid:0a5475d3-e75a-5bff-8233-3c3f69f8fbc4"


def both(inner: str) -> tuple[dict, dict]:
    """The answers of an XML, by the two ways."""
    xml = f'<data id="small" version="1">{inner}<meta><instanceID>{ROOT}</instanceID></meta></data>'
    shown = odata_rows.answers(xml, DEFINITION.fields, ROOT, expand=True)
    shown |= {"__id": ROOT, "__system": {"edits": 0}}
    return from_odata(shown, FORM), from_xml(xml.encode(), FORM)


def element(name: str, value: str) -> str:
    return f"<{name}>{escape(value)}</{name}>"


# What a phone can type; a carriage return does not survive XML.
texts = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\téÉ’œḍ"), max_size=12)
numbers = st.integers(-(2**53), 2**53).map(str) | st.sampled_from(["", "007", "-0", "+5"])
decimals = st.decimals(-1000, 1000, places=3).map(str) | st.sampled_from(["1.10", "4.0", ".5", "5."])
days = st.dates().map(str) | st.sampled_from(["", "2026-02-30"])
instants = st.sampled_from(["2026-11-20T09:10:00.000+03:00", "2026-11-20T09:10:00.000+03", "2026-11-20T09:10:00Z", ""])
codes = st.lists(st.sampled_from(["recrutement", "transport", "unk"]), unique=True).map(" ".join)
places = st.sampled_from(["13.5137 2.1098 0 0", "-1.25 36 1661 5.5", "13.5 2.1", ""])
illnesses = st.lists(days.map(lambda day: f"<illness>{element('since', day)}</illness>"), max_size=3).map("".join)
members = st.lists(
    st.tuples(numbers, illnesses).map(lambda m: f"<member>{element('age', m[0])}{m[1]}</member>"), max_size=3
).map("".join)


@settings(max_examples=300, deadline=None)
@given(texts, numbers, decimals, days, instants, codes, places, members)
def test_both_ways_give_equal_rows(village, size, area, seen, start, acts, place, member):
    values = dict(zip([name for name, _ in KINDS], (village, size, area, seen, start, acts, place), strict=True))
    inner = "".join(element(name, value) for name, value in values.items()) + f"<home>{member}</home>"
    odata, xml = both(inner)
    assert odata == xml
    assert all(isinstance(value, (str, list)) and value for value in xml.values())


def test_the_shape_is_that_of_kobo():
    odata, xml = both(
        "<village>Élan</village><size>4</size><seen/><acts>transport unk</acts><place>13.5 2.1 0 5</place>"
        "<home><member><age>6</age><illness><since>2026-03-01</since></illness></member><member><age/></member></home>"
    )
    assert odata == xml == {
        "village": "Élan", "size": "4", "acts": "transport unk", "place": "13.5 2.1 0 5",
        "home/member": [{"home/member/age": "6", "home/member/illness": [{"home/member/illness/since": "2026-03-01"}]}],
        "meta/instanceID": ROOT,
    }  # fmt: skip


def test_what_only_the_xml_has():
    odata, xml = both(
        "<size>12345678901234567890</size><area>abc</area><removed>kept</removed><box><other>1</other></box>"
    )
    assert xml == {
        "size": "12345678901234567890", "area": "abc", "removed": "kept", "box/other": "1", "meta/instanceID": ROOT,
    }  # fmt: skip
    assert odata == {"size": "12345678901234567000", "meta/instanceID": ROOT}


def test_a_name_that_odata_may_not_write_comes_back_as_it_was():
    form = questions([{"path": "/a.b", "type": "structure"}, {"path": "/a.b/c-d", "type": "int"}])
    assert form.inside["a_b"] == Questions("a.b", "structure", {"c_d": Questions("c-d", "int")})
    assert (
        from_odata({"a_b": {"c_d": 7}}, form) == {"a.b/c-d": "7"} == from_xml(b"<x><a.b><c-d>07</c-d></a.b></x>", form)
    )
