"""One case shown in the words of its form: masked, with all that happened to it on a real server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from kobo_sync import cli
from kobo_sync.case_words import Place, flat
from kobo_sync.demo_server import serve
from kobo_sync.errors import StoreError
from kobo_sync.find_case import read_code
from kobo_sync.show_history import changes
from tests.case_server_fixture import CODE, NAMES, Server, run, victim
from tests.demo_server_fixture import LEAD, USERS
from tests.erase_fixture import KEY, NOW, case, configured, fill, opened, receive


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("KOBO_SYNC_STORE_KEY", KEY.hex())
    monkeypatch.setenv("KOBO_SYNC_PSEUDONYM_KEY", "cd" * 32)
    with serve(tmp_path / "server.db", users=USERS) as url:
        yield Server(url, tmp_path)


def test_edits_reviews_and_deletions_are_told_in_order_and_names_are_masked(server: Server) -> None:
    her, sister = victim(1, v_prenom=NAMES[0], v_nom=NAMES[1]), victim(2, v_nom=NAMES[2])
    first = server.send([her, sister])
    server.pull()
    (number,) = server.ids()
    server.ask("PATCH", f"{number}/validation_status/", json={"validation_status.uid": "validation_status_approved"})
    server.pull()
    # The first row is taken out, and the second, now in its place, corrected.
    server.send([victim(2, v_nom="Zoumbaradji", v_age="17")], replaces=first, by=LEAD, det_region="NE001")
    server.pull()
    server.ask("DELETE", f"{number}/validation_status/")
    server.pull()
    server.ask("DELETE", f"{number}/")
    server.pull()
    text = server.show("abcd-2345", "--history")
    assert not any(name in text for name in (*NAMES, "Zoumbaradji"))
    told = [
        "reçue pour la première fois, envoyée par phone1",
        "revue : approuvée par lead1, donnée le",
        "sur la version 1",
        "version 2 reçue, modifiée par lead1",
        "Région : Niamey → Agadez",
        "Victime V1 : ligne supprimée",
        "Victime V2 · Nom : modifié",
        "12 → 17",
        "revue retirée",
        "supprimée du serveur (absente de 2 lectures de l’index, le serveur répond 404, compte lead1)",
    ]
    history = text.partition("Historique")[2]
    places = [history.find(part) for part in told]
    assert -1 not in places, dict(zip(told, places, strict=True))
    # Noted by us in this order; what the server says of itself stands where its own clock puts it.
    assert [places[n] for n in (0, 1, 3, 8, 9)] == sorted(places[n] for n in (0, 1, 3, 8, 9))
    assert "Victime V1 · " not in history and "sur le serveur : fiche modifiée par lead1" in history
    assert "Supprimée du serveur, constaté le" in text.partition("Historique")[0]


def test_the_record_is_in_french_and_a_name_is_shown_only_for_a_reason_that_stays(server: Server) -> None:
    server.send([victim(1, v_prenom=NAMES[0], v_nom=NAMES[1])])
    server.send([victim(1, v_nom=NAMES[2], v_nationalite="BEN")])
    server.pull()
    text = server.show(f"{CODE}-v1")
    assert "2 fiches portent ce code" in text
    assert not any(name in text for name in NAMES) and "•••" in text
    for words in ("Bénin", "Mendicité", "Police", "kobo-anltp/traite/"):
        assert words.lower() in text.lower(), words
    assert run(server.config, CODE, "--reveal").exit_code == 2
    bare = server.show(CODE, "--reveal", "--reason", "confirmer l’identité")
    assert all(name in bare for name in NAMES)
    with opened(server.config) as store:
        ((actor, action, subject, reason),) = store.connection.execute(
            "SELECT actor, action, subject, reason FROM audit WHERE action = 'reveal'"
        ).fetchall()
    assert (action, subject, reason) == ("reveal", CODE, "confirmer l’identité") and actor
    journal = CliRunner().invoke(cli.app, ["audit", "list", "--config", str(server.config.path)])
    assert journal.exit_code == 0 and "a affiché ce qui" in journal.output
    told = CliRunner().invoke(cli.app, ["audit", "list", "--json", "--config", str(server.config.path)])
    assert [line["subject"] for line in json.loads(told.output)] == [CODE]
    key = next(word for word in text.split() if word.startswith("kobo-anltp/traite/"))
    assert "fiches portent" not in server.show(key) and key in server.show(key.rpartition("/")[2])


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("KOBO_SYNC_STORE_KEY", KEY.hex())
    monkeypatch.setenv("KOBO_SYNC_PSEUDONYM_KEY", "cd" * 32)
    return configured(tmp_path)


def test_an_unknown_code_names_those_that_are_near(config: Any) -> None:
    with opened(config) as store:
        fill(store, config)
    done = run(config, "ABCD 2346")
    assert isinstance(done.exception, StoreError) and "ABC D23 45" in str(done.exception)


def test_linked_persons_quarantine_decisions_and_erasures_are_told(config: Any) -> None:
    from kobo_sync.erase import erase, plan

    with opened(config) as store:
        fill(store, config)
        store.decide("person_pair", "kobo-anltp/traite/1#ABCD2345-V1 kobo-anltp/traite/2#EFGH2345-V1", "same", "dpo",
                     NOW.isoformat(), "même carte")  # fmt: skip
        erase(store, config, plan(store, "EFGH2345"), by="dpo", reason="demande", now=NOW)
    text = re.sub(r"\s+", " ", run(config, CODE, "--history").output)
    for words in (
        "ABCD2345-V1 : la même personne que EFGH2345-V1 (kobo-anltp/traite/2)", "mise en quarantaine : m",
        "décision de dpo : personnes", "(même carte)",
        "personne : reconnue comme la même personne que EFGH2345-V1 (kobo-anltp/traite/2)",
    ):  # fmt: skip
        assert words in text, words
    assert not re.search(r"(numéro|rattachée à|réunie à) [0-9a-f]{8}\b", text), "a number that nobody knows"
    other = re.sub(r"\s+", " ", run(config, "EFGH2345", "--history").output)
    assert "identité effacée (toute la fiche) par dpo : demande" in other and "Identité effacée le" in other


def test_what_somebody_typed_where_a_choice_was_expected_is_masked_and_no_terminal_obeys_it(config: Any) -> None:
    with opened(config) as store:
        receive(
            store, 5, case("ABCD2345", {"v_nationalite": "Zakwembaro"}, inconnue="Zakwembaro", det_region="Zakwembaro")
        )
        receive(
            store, 5, case("ABCD2345", {"v_nationalite": "Zakwembaro"}, inconnue="Autrebaro", det_region="Zakwembaro")
        )
        receive(store, 6, case("EFGH2345", {"v_nom": "Zak\x1b[2Jwem\u202ebaro [bold]"}))
    text = run(config, CODE, "--history").output
    assert "Zakwembaro" not in text and "Autrebaro" not in text
    assert "question inconnue du système : modifié" in re.sub(r"\s+", " ", text)
    bare = run(config, "EFGH2345", "--reveal", "--reason", "x").output
    assert "\x1b" not in bare and "\u202e" not in bare and "[bold]" in bare


def test_lines_fit_a_hundred_columns(config: Any) -> None:
    with opened(config) as store:
        fill(store, config)
    table = [line for line in run(config, CODE).output.splitlines() if "  " in line.strip()]
    assert table and max(map(len, table)) <= 100


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("k7m 4xq 2p2", ("K7M4XQ2P2", None)), ("ABCD-2345", ("ABCD2345", None)), ("abcd2345-v12", ("ABCD2345", "V12")),
        ("K7M 4XQ 2P2 V2", ("K7M4XQ2P2", "V2")),
    ],
)  # fmt: skip
def test_codes_are_read_as_people_type_them(typed: str, read: tuple[str, str | None]) -> None:
    assert read_code(typed) == read


@given(st.permutations(range(4)), st.sets(st.integers(0, 3)), st.sets(st.integers(0, 3)))
def test_rows_moved_about_are_no_change_and_rows_gone_are_told_whatever_their_order(
    order: list[int], gone: set[int], aged: set[int]
) -> None:
    rows = [{"v_code": f"{CODE}-V{n}", "v_age": str(10 + n), "v_nom": f"Zak{n}"} for n in range(4)]
    after = [rows[n] | ({"v_age": "20"} if n in aged else {}) for n in order if n not in gone]
    old, new = flat("traite", case(CODE, *rows)), flat("traite", case(CODE, *after))
    lines = changes("traite", old, new, {}, reveal=True)
    told = {f"Victime V{n} : ligne supprimée" for n in gone}
    told |= {line for line in lines if any(f"Victime V{n} · " in line and "→ 20" in line for n in aged - gone)}
    assert set(lines) == told and len(lines) == len(gone) + len(aged - gone)
    assert not any(isinstance(place, Place) and place.question == "?" for place in old)


def test_a_release_that_is_none_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOBO_SYNC_STORE_KEY", KEY.hex())
    monkeypatch.setenv("KOBO_SYNC_PSEUDONYM_KEY", "cd" * 32)
    config = configured(tmp_path)
    with opened(config) as store:
        receive(store, 1, case("ABCD2345"), form_release="Zoumbaradji")
        receive(store, 2, case("EFGH2345"), form_release="traite-0123456789")
    shown = [CliRunner().invoke(cli.app, ["show", code, "--config", str(config.path)]).output for code in
             ("ABCD2345", "EFGH2345")]  # fmt: skip
    assert "Zoumbaradji" not in shown[0] and "illisible" in shown[0].replace("\n", " ")
    assert "traite-0123456789" in shown[1]
