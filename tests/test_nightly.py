"""A night that nobody watches: tried again, told once, its figures kept whatever its mail or backup does."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from kobo_sync import health, logs
from kobo_sync.config import Config
from kobo_sync.keys import load_keys
from kobo_sync.lock import hold_lock
from kobo_sync.nightly import night
from kobo_sync.stopping import Stop
from kobo_sync.store import Store
from tests.demo_server_fixture import USERS, Project
from tests.mail_fixture import mail_section, mail_server
from tests.night_fixture import GATEWAY, NIGHT, Clock, Gateway, Refusing, demo_site, events, installation, say
from tests.stub_server import Said, stub


def test_a_night_ends_with_its_number_and_is_in_the_health_file_and_the_log(tmp_path: Path) -> None:
    clock = Clock(NIGHT)
    with demo_site(tmp_path) as config:
        assert night(config, Stop(), clock=clock, sleep=clock.sleep) == 0
    content = health.read(config)
    assert (content["exit_code"], content["attempts"], content["running_since"]) == (0, 1, None)
    assert content["last_success"] == "2026-11-24T02:00:03+01:00"
    assert content["next_planned"] == "2026-11-25T02:00:00+01:00"
    assert content["for_people"] == [] and content["counts"]["received"] == 0
    assert not health.missed(config, NIGHT + timedelta(hours=8))
    assert events(config) == ["night_start", "run_start", "form_end", "source_end", "run_end", "night_end"]
    assert not clock.slept


def test_the_log_says_of_each_form_what_it_brought_and_how_long_it_took(tmp_path: Path) -> None:
    from kobo_sync.demo_server import serve

    with serve(tmp_path / "serveur.db", users=USERS) as url:
        projects = [Project.deployed(url), Project.deployed(url)]
        for number, project in enumerate(projects, start=1):
            for _ in range(number):
                project.add(village="x")
        config = installation(tmp_path, url)
        (source,) = config.sources
        forms = dict(zip(("traite", "trafic"), (project.uid for project in projects), strict=True))
        config = config.model_copy(update={"sources": [source.model_copy(update={"forms": forms})]})
        night(config, Stop(), clock=Clock(NIGHT))
    (file,) = logs.folder_of(config).glob("*.jsonl")
    ends = [line for line in map(json.loads, file.read_text().splitlines()) if line.get("event") == "form_end"]
    assert [(line["source"], line["form"], line["counts"]["new"]) for line in ends] == [
        ("kobo-anltp", "traite", 1),
        ("kobo-anltp", "trafic", 2),
    ]
    assert all(line["duration"] >= 0 and line["counts"]["requests"] > 0 for line in ends)


def test_a_network_failure_is_tried_again_each_hour_and_told_once(tmp_path: Path) -> None:
    clock, said = Clock(NIGHT), []
    with stub(lambda _: GATEWAY) as (url, _), mail_server(tmp_path) as (box, mail):
        config = installation(tmp_path, url, mail=mail_section(tmp_path, mail.port_used))
        assert night(config, Stop(), clock=clock, sleep=clock.sleep, say=say(said)) == 1
    assert clock.slept == [3600.0] * 3
    assert health.read(config)["attempts"] == 4 and events(config).count("retry") == 3
    (message,) = box.messages
    assert message["Subject"] == "ANLTP : la nuit du 24/11/2026 demande votre attention (1 problème)"
    told = message.get_content() + str(health.read(config)) + "".join(said)
    assert "kobo-anltp : le serveur a donné une réponse inutilisable" in told and "Amina" not in told


def test_a_network_that_comes_back_makes_a_good_night(tmp_path: Path) -> None:
    from starlette.middleware import Middleware

    down = threading.Event()
    clock = Clock(NIGHT)

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        down.clear()

    with mail_server(tmp_path) as (box, mail):
        section = mail_section(tmp_path, mail.port_used)
        with demo_site(tmp_path, Middleware(Gateway, down=down), mail=section) as config:
            down.set()
            assert night(config, Stop(), clock=clock, sleep=sleep) == 0
    assert clock.slept == [3600.0] and not health.read(config)["problems"]
    assert not box.messages  # one try failed, the night did not: nothing to say


def unknown_question(config: Config) -> None:
    """What a rebuild of some night noted, and no run has said yet."""
    with Store.open(config.store_path, load_keys(config).store) as store:
        store.connection.execute(
            "INSERT INTO unknown_field (form, path, form_release, submission_key, first_seen_at)"
            " VALUES ('traite', 'couleur', '', 'kobo-anltp/traite/1', '2026-11-23T01:00:00+00:00')"
        )


def test_what_the_first_try_alone_says_is_in_the_mail_of_the_last(tmp_path: Path) -> None:
    clock, sent = Clock(NIGHT), []
    with stub(lambda _: GATEWAY) as (url, _), mail_server(tmp_path) as (box, mail):
        config = installation(tmp_path, url, mail=mail_section(tmp_path, mail.port_used))
        unknown_question(config)
        for _ in range(2):
            assert night(config, Stop(), clock=clock, sleep=clock.sleep) == 1
            sent.append([message.get_content() for message in box.messages])
            box.messages.clear()
            clock.at += timedelta(days=1)
    (text,) = sent[0]
    assert text.count("que le système ne connaît pas") == 1 and sent[1] == []


def test_what_was_said_before_a_stop_or_a_lost_mail_is_told_by_the_next_mail(tmp_path: Path) -> None:
    clock, stop = Clock(NIGHT), Stop()

    def stopped(seconds: float) -> None:
        clock.sleep(seconds)
        stop.asked = True

    with stub(lambda _: GATEWAY) as (url, _):
        with mail_server(tmp_path) as (_, mail):
            section = mail_section(tmp_path, mail.port_used)
        config = installation(tmp_path, url, mail=section)
        unknown_question(config)
        assert night(config, stop, clock=clock, sleep=stopped) == 0
        clock.at += timedelta(days=1)
        assert night(config, Stop(), clock=clock, sleep=clock.sleep) == 1
        assert health.read(config)["mail"]["error"] == "connexion"
        with mail_server(tmp_path) as (box, mail):
            config = config.model_copy(update={"mail": mail})
            clock.at += timedelta(days=1)
            assert night(config, Stop(), clock=clock, sleep=clock.sleep) == 1
    (message,) = box.messages
    assert "que le système ne connaît pas" in message.get_content() and health.to_tell(config) == []


@pytest.mark.parametrize(("status", "words"), [(404, "n’est pas trouvé"), (403, "n’a pas les droits")])
def test_one_form_that_is_refused_for_good_is_named_and_not_tried_again(
    tmp_path: Path, status: int, words: str
) -> None:
    from starlette.middleware import Middleware

    from kobo_sync.demo_server import serve

    clock, other = Clock(NIGHT), "aBC45678901"
    refused = [Middleware(Refusing, word=other, status=status)]
    with serve(tmp_path / "serveur.db", users=USERS, middleware=refused) as url:
        forms = {"traite": Project.deployed(url).uid, "trafic": other}
        config = installation(tmp_path, url)
        (source,) = config.sources
        config = config.model_copy(update={"sources": [source.model_copy(update={"forms": forms})]})
        assert night(config, Stop(), clock=clock, sleep=clock.sleep) == 1
    assert not clock.slept and health.read(config)["attempts"] == 1
    (problem,) = health.read(config)["problems"]
    assert problem.startswith("kobo-anltp · trafic : ") and words in problem


def test_a_refused_token_is_not_tried_again(tmp_path: Path) -> None:
    clock = Clock(NIGHT)
    with stub(lambda _: Said({"detail": "Invalid token."}, status=401)) as (url, heard):
        config = installation(tmp_path, url)
        assert night(config, Stop(), clock=clock, sleep=clock.sleep) == 1
    assert not clock.slept and heard
    assert health.read(config)["problems"] == [
        "kobo-anltp : le serveur refuse le jeton ou le mot de passe : kobo-sync doctor"
    ]


def test_a_store_held_by_another_run_is_waited_for_and_its_success_is_the_night_s(tmp_path: Path) -> None:
    clock = Clock(NIGHT)

    def other_run_ends(seconds: float) -> None:
        clock.sleep(seconds)
        health.ended(config, started=NIGHT + timedelta(minutes=1), at=clock(), exit_code=0)

    config = installation(tmp_path)
    with hold_lock(config.lock_path):
        assert night(config, Stop(), clock=clock, sleep=other_run_ends) == 0
    assert events(config).count("failed") == 1


def test_an_unforeseen_error_is_a_failed_night_told_by_its_type(tmp_path: Path) -> None:
    said: list[str] = []
    config = installation(tmp_path)
    config.store_path.mkdir()  # nobody foresaw a folder here
    assert night(config, Stop(), clock=Clock(NIGHT), say=say(said)) == 1
    (problem,) = health.read(config)["problems"]
    assert "kobo-sync" in problem and health.missed(config, NIGHT)


def test_the_same_content_is_not_sent_every_night(tmp_path: Path) -> None:
    clock, subjects = Clock(NIGHT), []
    refused = Said({"detail": "Invalid token."}, status=401)
    with stub(lambda _: refused) as (url, _), mail_server(tmp_path) as (box, mail):
        config = installation(tmp_path, url, mail=mail_section(tmp_path, mail.port_used))
        for _ in range(9):
            night(config, Stop(), clock=clock, sleep=clock.sleep)
            subjects.append([message["Subject"] for message in box.messages])
            box.messages.clear()
            clock.at += timedelta(days=1)
    assert [len(sent) for sent in subjects] == [1, 0, 0, 0, 0, 0, 0, 1, 0]
    assert subjects[7] == ["ANLTP : rappel, la nuit du 01/12/2026 demande votre attention (1 problème)"]


def test_a_mail_that_cannot_leave_never_loses_the_night_and_leaves_the_next(tmp_path: Path) -> None:
    clock = Clock(NIGHT)
    refused = Said({"detail": "Invalid token."}, status=401)
    with stub(lambda _: refused) as (url, _):
        config = installation(tmp_path, url)
        with mail_server(tmp_path) as (box, mail):
            pass
        config = config.model_copy(update={"mail": mail})
        assert night(config, Stop(), clock=clock, sleep=clock.sleep) == 1
        assert health.read(config)["mail"]["error"] == "connexion"
        clock.at += timedelta(days=1)
        with mail_server(tmp_path) as (box, mail):
            config = config.model_copy(update={"mail": mail})
            assert night(config, Stop(), clock=clock, sleep=clock.sleep) == 1
    assert len(box.messages) == 1 and "[nouveau]" in box.messages[0].get_content()
    assert health.read(config)["mail"]["error"] is None


def test_a_backup_that_fails_is_told_and_the_night_keeps_its_figures(tmp_path: Path) -> None:
    import pyrage

    people = [
        {"name": f"Responsable {n}", "public_key": str(pyrage.x25519.Identity.generate().to_public())} for n in (1, 2)
    ]
    (tmp_path / "plein").mkdir()
    sections = {"recovery": {"officers": people}, "backup": {"folder": "plein"}}
    with demo_site(tmp_path, **sections) as config:
        assert night(config, Stop(), clock=Clock(NIGHT)) == 0
        assert health.read(config)["backup"]["error"] is None and list((tmp_path / "plein").iterdir())
        with hold_lock(config.data_dir / "sauvegarde.lock"):
            assert night(config, Stop(), clock=Clock(NIGHT)) == 3
    content = health.read(config)
    assert content["backup"]["error"] == "LockHeld" and content["exit_code"] == 3
    assert "la sauvegarde n’est pas faite : kobo-sync backup" in content["problems"]
