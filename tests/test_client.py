"""Talking to a server: who we are, errors in French, retries, redirects, bounds."""

import logging
import socket

import pytest

from kobo_sync.client import KoboClient
from kobo_sync.demo_server import serve
from kobo_sync.errors import AuthError, Forbidden, NotFoundError, ServerError, ServerUnavailable, UnexpectedAnswer
from tests.demo_server_fixture import LEAD, USERS
from tests.stub_server import Heard, Said, in_turn, stub

TOKEN = "f00dfacef00dfacef00dfacef00dfacef00dface"


def client(url: str, waits: list[float] | None = None, token: str = TOKEN, retries: int = 3) -> KoboClient:
    return KoboClient(url, token, retries=retries, sleep=(waits if waits is not None else []).append)


# --- Who we are and what is said when it fails ------------------------------------------------------------------------


def test_a_token_taken_for_nobody_is_found_out_before_it_shows_empty_lists(tmp_path):
    with serve(tmp_path / "kobo.db", users=USERS) as base:
        with client(base, token=LEAD.token) as good:
            assert good.whoami() == "lead1"
        with client(base) as wrong, pytest.raises(AuthError, match="refuse le jeton"):
            wrong.whoami()
    nobody = in_turn(Said({"message": "user is not logged in"}))
    with (
        stub(nobody) as (base, _),
        client(base) as asking,
        pytest.raises(AuthError, match="ne reconnaît pas le compte"),
    ):
        asking.whoami()


def test_a_server_that_repeats_our_token_does_not_get_it_into_the_message():
    echo = in_turn(Said({"detail": f"bad: Token {TOKEN}"}, 403))
    with stub(echo) as (base, _), client(base) as asking, pytest.raises(AuthError) as caught:
        asking.whoami()
    assert TOKEN not in str(caught.value) and "bad: Token …" in str(caught.value)


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        (Said({"detail": "Invalid token."}, 401), AuthError, "refuse le jeton"),
        (Said({"detail": "No permission."}, 403), Forbidden, "403, « No permission. »"),
        (Said({"detail": "Not found."}, 404), NotFoundError, "404, « Not found. »"),
        (Said("<h1>Not Found</h1>", 404, "text/html"), UnexpectedAnswer, "404, « Not Found »"),
        (Said({"query": "Value must be valid JSON."}, 400), ServerError, "query : Value must be valid JSON."),
        (Said({"content": ["File already exists"]}, 400), ServerError, "content : File already exists"),
        (Said({"error": "[row : 19] List name"}, 400), ServerError, r"« \[row : 19\] List name »"),
        (Said(["Unsupported query"], 400), ServerError, "« Unsupported query »"),
        (Said("<html><title>Kobo\n login</title>", 200, "text/html"), UnexpectedAnswer, r"une page .*\(Kobo login\)"),
        (Said([1, 2]), UnexpectedAnswer, "forme inattendue"),
        (Said({"results": []}), UnexpectedAnswer, "sans nombre"),
        (Said({"results": None, "count": 0}), UnexpectedAnswer, "forme inattendue"),
    ],
)
def test_each_refusal_has_its_error_and_repeats_the_server_words(said, kind, words):
    waits: list[float] = []
    with stub(in_turn(said)) as (base, _), client(base, waits) as asking, pytest.raises(kind, match=words) as caught:
        asking.rows("aUid", {})
    assert type(caught.value) is kind
    assert waits == [], "what will not mend by itself is not tried again"


# --- Retries ----------------------------------------------------------------------------------------------------------

EMPTY = Said({"count": 0, "next": None, "results": []})


@pytest.mark.parametrize(
    "fault",
    [
        Said("busy", 502, "text/html"),
        Said({"detail": "slow down"}, 429),
        Said("<h1>Server error</h1>", 500, "text/html"),
        Said('{"count": 0, "resu'),
        Said(EMPTY.body, cut=9),
        Said(b"\xff\xfe{", 200),
    ],
    ids=["502", "429", "500", "cut JSON", "closed early", "not UTF-8"],
)
def test_a_passing_fault_is_tried_again(fault):
    waits: list[float] = []
    with stub(in_turn(fault, fault, EMPTY)) as (base, heard), client(base, waits) as asking:
        assert asking.rows("aUid", {})["results"] == []
    assert len(heard) == 3 and waits == [1.0, 2.0]


@pytest.mark.parametrize(
    ("asked", "waited"), [("7", 7.0), ("99999", 120.0), ("Wed, 01 Jan 2020 00:00:00 GMT", 0.0), ("x", 1.0)]
)
def test_the_wait_that_the_server_asks_for_is_kept_within_bounds(asked, waited):
    waits: list[float] = []
    with (
        stub(in_turn(Said({}, 503, headers={"Retry-After": asked}), EMPTY)) as (base, _),
        client(base, waits) as asking,
    ):
        asking.rows("aUid", {})
    assert waits == [waited]


def test_a_fault_that_lasts_ends_with_a_clear_error():
    waits: list[float] = []
    down, words = in_turn(Said("<h1>Bad gateway</h1>", 502, "text/html")), "502, « Bad gateway »"
    with stub(down) as (base, heard), client(base, waits) as asking, pytest.raises(ServerUnavailable, match=words):
        asking.rows("aUid", {})
    assert (len(heard), waits) == (4, [1.0, 2.0, 4.0])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}"
    with client(closed, []) as asking, pytest.raises(ServerUnavailable, match="connexion refusée"):
        asking.whoami()


def test_an_import_is_never_sent_twice():
    answers = in_turn(Said("", 502, "text/html"), Said({"uid": "i"}, 201))
    with stub(answers) as (base, heard), client(base) as asking, pytest.raises(ServerUnavailable):
        asking.import_xlsform("Traite", b"x")
    assert len(heard) == 1


# --- The token --------------------------------------------------------------------------------------------------------


def test_the_token_goes_to_the_server_only_and_into_no_text(caplog, monkeypatch, tmp_path):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password other\n")
    with stub(in_turn(EMPTY)) as (other, heard_elsewhere):
        away = Said("", 302, headers={"Location": f"{other}/api/v2/assets/aUid/data/"})
        with stub(in_turn(away)) as (base, heard), client(base) as asking:
            with pytest.raises(UnexpectedAnswer, match="le jeton n’y est pas envoyé") as caught:
                asking.rows("aUid", {})
            assert heard[0].headers["Authorization"] == f"Token {TOKEN}", "not the password of ~/.netrc"
            assert heard[0].headers["Accept-Language"] == "en"
            texts = f"{caught.value} {caught.value!r} {asking!r} {vars(asking)} {caplog.text}"
    assert heard_elsewhere == []
    assert TOKEN not in texts


def test_a_redirect_within_the_server_is_followed():
    def answering(request: Heard) -> Said:
        return Said({"username": "me"}) if request.path == "/moi/" else Said("", 301, headers={"Location": "/moi/"})

    with stub(answering) as (base, heard), client(base) as asking:
        assert asking.whoami() == "me"
    assert [h.headers["Authorization"] for h in heard] == [f"Token {TOKEN}"] * 2
