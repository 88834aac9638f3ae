"""Bounds of a conversation with a server: time, size, waits, where the token goes, and what a text may repeat."""

from __future__ import annotations

import gzip
import ssl

import pytest
import trustme

from kobo_sync.errors import AuthError, ServerError, ServerUnavailable, UnexpectedAnswer
from kobo_sync.transport import HeaderAuth, Transport
from kobo_sync.transport_bounds import Limits
from tests.stub_server import Said, dripping, in_turn, stub

TOKEN = "f00dfacef00dfacef00dfacef00dfacef00dface"
QUICK = Limits(request=0.6, answer=2_000_000)


def transport(url: str, waits: list[float] | None = None, timeout: float = 5.0, **more) -> Transport:
    sleep = (waits if waits is not None else []).append
    more = {"limits": QUICK, "retries": 2} | more
    return Transport(url, HeaderAuth("Token", TOKEN), timeout=(5.0, timeout), sleep=sleep, **more)


# --- Time -------------------------------------------------------------------------------------------------------------

START = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (START + b"Content-Length: 9000000\r\n\r\n[", b" "),
        (START + b"Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n", b"1\r\n \r\n"),
        (START, b"X"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "chunks", "headers", "100 Continue"],
)
def test_a_server_that_drips_is_left_when_the_time_of_a_request_is_over(begin, piece):
    waits: list[float] = []
    with dripping(begin, piece) as base, transport(base, waits) as asking:
        with pytest.raises(ServerUnavailable, match=r"réponse trop longue à venir \(plus de 0.6 s\)"):
            asking.ask("GET", "/x/")
        assert (asking.requests, waits) == (1, []), "not asked again: it would take as long"


def test_a_silent_server_is_asked_again_then_given_up():
    waits: list[float] = []
    with dripping(b"", b"") as base, transport(base, waits, timeout=0.1) as asking:
        with pytest.raises(ServerUnavailable, match="trop lent"):
            asking.ask("GET", "/x/")
        assert (asking.requests, waits) == (3, [1.0, 2.0])


def test_the_waits_of_a_run_have_a_sum():
    waits: list[float] = []
    busy = in_turn(Said({}, 429, headers={"Retry-After": "90"}))
    with stub(busy) as (base, _), transport(base, waits, retries=5, limits=Limits(waits=200)) as asking:
        with pytest.raises(ServerUnavailable, match="fait trop attendre"):
            asking.ask("GET", "/x/")
        assert waits == [90.0, 90.0]


def test_the_whole_reading_of_a_server_has_an_end():
    over = Limits(total=0)
    with (
        stub(in_turn(Said({"a": 1}))) as (base, heard),
        transport(base, limits=over) as asking,
        pytest.raises(ServerUnavailable, match="la lecture dure depuis plus de"),
    ):
        asking.ask("GET", "/x/")
    assert heard == []


# --- Size -------------------------------------------------------------------------------------------------------------


def test_an_answer_that_never_ends_is_cut():
    forever = START + b"\r\n" + b"[" + b" " * 1_000_000
    waits: list[float] = []
    with dripping(forever, b" " * 1_000_000) as base, transport(base, waits) as asking:
        with pytest.raises(UnexpectedAnswer, match="réponse de plus de 2 Mo, lecture arrêtée"):
            asking.ask("GET", "/x/")
        assert waits == []


def test_what_unpacks_to_too_much_is_never_unpacked():
    bomb = Said(gzip.compress(b"[" + b" " * 50_000_000 + b"]"), headers={"Content-Encoding": "gzip"})
    assert len(bomb.content) < 60_000
    large = pytest.raises(UnexpectedAnswer, match="plus de 2 Mo")
    with stub(in_turn(bomb)) as (base, _), transport(base) as asking, large:
        asking.ask("GET", "/x/")


def test_packed_data_is_read_and_packed_data_cut_short_is_asked_again():
    whole = gzip.compress(b'{"a": 1}')
    packed = {"Content-Encoding": "gzip"}
    answers = in_turn(Said(whole[:-12], headers=packed), Said(b"no gzip", headers=packed), Said(whole, headers=packed))
    with stub(answers) as (base, heard), transport(base) as asking:
        assert asking.ask("GET", "/x/") == {"a": 1}
        assert asking.received_bytes == len(whole)
    assert [h.headers["Accept-Encoding"] for h in heard] == ["gzip"] * 3


@pytest.mark.parametrize("body", ["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000, "[", b"\x80", "NaN "])
def test_json_that_cannot_be_read_is_an_unexpected_answer(body):
    with stub(in_turn(Said(body))) as (base, _), transport(base) as asking:
        if body == "NaN ":
            assert asking.ask("GET", "/x/") != 0  # json's own leniency
            return
        with pytest.raises(UnexpectedAnswer, match="réponse JSON coupée ou illisible"):
            asking.ask("GET", "/x/")


def test_a_lone_surrogate_does_not_stop_a_page():
    with stub(in_turn(Said('{"v_nom": "\\ud83d"}'))) as (base, _), transport(base) as asking:
        assert asking.ask("GET", "/x/") == {"v_nom": "\ud83d"}


def test_the_body_of_an_error_is_read_no_further_than_its_first_words():
    long = in_turn(Said("<title>Down</title>" + "x" * 5_000_000, 400, "text/html"), Said({"a": 1}))
    with stub(long) as (base, _), transport(base) as asking:
        with pytest.raises(ServerError, match="400, « Down »"):
            asking.ask("GET", "/x/")
        assert asking.ask("GET", "/x/") == {"a": 1}, "the rest of the page is not taken for the next answer"


# --- Where the token goes, and what a text repeats --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "words"),
    [
        (f"http://{TOKEN}:{TOKEN}@evil.example.org/x", "http://evil.example.org ;"),
        (f"http://{TOKEN}.evil.example.org/x", "http://….evil.example.org ;"),
        ("https://127.0.0.1/x", "https://127.0.0.1 ;"),
        ("http://[bad", "une adresse illisible"),
        ("//evil.example.org:99999999/", "une adresse illisible"),
        ("/x/", "sans fin"),
    ],
)
def test_no_redirect_takes_the_token_along_nor_into_the_message(location, words):
    away = in_turn(Said("", 302, headers={"Location": location}))
    with stub(away) as (base, heard), transport(base) as asking, pytest.raises(UnexpectedAnswer) as caught:
        asking.ask("GET", "/x/")
    assert words in str(caught.value) and TOKEN not in str(caught.value)
    assert len(heard) == (3 if location == "/x/" else 1)


def test_a_redirect_is_not_followed_for_what_writes():
    away = in_turn(Said("", 301, headers={"Location": "/y/"}))
    with stub(away) as (base, heard), transport(base) as asking, pytest.raises(UnexpectedAnswer):
        asking.ask("PATCH", "/x/", json={})
    assert len(heard) == 1


ROWS = {"count": 1, "results": [{"_id": 7, "v_nom": "Zeinabou-canari"}]}


@pytest.mark.parametrize(
    "said", [Said(ROWS, 200, "text/plain"), Said(ROWS, 400), Said(ROWS["results"][0], 500), Said(ROWS, 403)]
)
def test_a_row_in_an_error_is_not_repeated(said):
    with stub(in_turn(said)) as (base, _), transport(base) as asking, pytest.raises(ServerError) as caught:
        asking.ask("GET", "/x/")
    assert "canari" not in str(caught.value)


def test_a_password_that_the_server_repeats_is_hidden():
    echo = in_turn(Said({"message": "bad password m0t-de-passe-canari"}, 400))
    with stub(echo) as (base, _), transport(base) as asking, pytest.raises(ServerError) as caught:
        asking.ask("POST", "/v1/sessions", json={"email": "a@example.org", "password": "m0t-de-passe-canari"})
    assert "canari" not in str(caught.value) and "bad password …" in str(caught.value)


def test_another_scheme_has_its_own_words_and_may_change_its_secret():
    auth = HeaderAuth("Bearer", "")
    words = ("refuse le mot de passe", "vérifiez account")
    with (
        stub(in_turn(Said({}, 401), Said({"a": 1}))) as (base, heard),
        Transport(base, auth, timeout=(5, 5), retries=0, sleep=lambda s: None, refused=words) as asking,
    ):
        with pytest.raises(AuthError, match="refuse le mot de passe"):
            asking.ask("GET", "/x/")
        auth.secret = "session-1"
        asking.ask("GET", "/x/")
        assert asking.server_time is not None
    assert [h.headers.get("Authorization") for h in heard] == [None, "Bearer session-1"]


def test_the_proxy_of_the_environment_is_never_used_for_this_machine(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with stub(in_turn(Said({"a": 1}))) as (base, _), transport(base) as asking:
        assert asking.ask("GET", "/x/") == {"a": 1}
    with stub(in_turn(Said({"b": 2}))) as (proxy, heard):
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, proxy)
        with transport("http://kobo.example.org") as asking:
            assert asking.ask("GET", "/x/") == {"b": 2}, "other hosts: through it"
    assert heard[0].headers["Host"] == "kobo.example.org"
    monkeypatch.setenv("no_proxy", "kobo.example.org")
    with transport("http://kobo.example.org", retries=0) as asking, pytest.raises(ServerUnavailable):
        asking.ask("GET", "/x/")
    assert len(heard) == 1


def test_a_certificate_nobody_vouches_for_is_refused_at_once_and_a_known_one_serves(monkeypatch, tmp_path):
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with stub(in_turn(Said({"a": 1})), tls=context) as (base, heard):
        waits: list[float] = []
        with transport(base, waits) as asking, pytest.raises(ServerError, match="certificat"):
            asking.ask("GET", "/x/")
        assert (waits, heard) == ([], [])
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        with transport(base) as asking:
            assert asking.ask("GET", "/x/") == {"a": 1}


def heard_as(reason: bytes, body: bytes) -> str:
    """What is said of an answer whose status line holds these words."""
    head = b"HTTP/1.1 400 " + reason + b"\r\nContent-Type: application/json\r\n"
    whole = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with dripping(whole, b"") as base, transport(base) as asking, pytest.raises(ServerError) as caught:
        asking.ask("GET", "/x/")
    return str(caught.value)


@pytest.mark.parametrize(
    "body", [b'{"_id": 7}', b"[" * 900 + b"]" * 900, b'{"detail": "' + TOKEN.encode() + b'"}', b"{"]
)
def test_a_token_in_the_status_line_or_the_body_is_hidden(body):
    said = heard_as(b"hi " + TOKEN.encode(), body)
    assert TOKEN not in said and "…" in said


@pytest.mark.parametrize(
    "body", [b'{"detail": "non\\u001bc\\u009b2J\\u202e\\nFait : tout va bien"}', b'{"_id": 7}', b"{"]
)
def test_a_terminal_obeys_no_error_text_and_it_stays_on_its_line(body):
    said = heard_as(b"non\x1bc\x9b2J Fait : tout va bien", body)
    assert said.isprintable() and "Fait : tout va bien" in said
