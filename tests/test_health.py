"""The health file says how the last night went, to a monitor, without a word that a server or a person wrote."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kobo_sync import health
from kobo_sync.errors import AuthError, ServerUnavailable
from kobo_sync.nightly import only_one
from tests.night_fixture import NIGHT, installation
from tests.test_cli import kobo_sync


def ended(config, code: int, at: datetime = NIGHT, **more) -> None:
    health.ended(config, started=at, at=at + timedelta(minutes=10), exit_code=code, **more)


@pytest.mark.parametrize(
    ("now", "before", "after"),
    [
        ("2026-11-24T00:59:59+00:00", "2026-11-23T02:00", "2026-11-24T02:00"),
        ("2026-11-24T01:00:00+00:00", "2026-11-24T02:00", "2026-11-25T02:00"),
        ("2026-12-31T23:30:00+00:00", "2026-12-31T02:00", "2027-01-01T02:00"),
    ],
)
def test_the_planned_times_are_those_of_niamey(tmp_path: Path, now: str, before: str, after: str) -> None:
    config, at = installation(tmp_path), datetime.fromisoformat(now)
    assert health.planned_before(config, at).isoformat() == f"{before}:00+01:00"
    assert health.planned_after(config, at).isoformat() == f"{after}:00+01:00"


def test_an_hour_written_without_quotes_is_understood(tmp_path: Path) -> None:
    assert installation(tmp_path, nightly={"time": 22 * 60 + 30}).nightly.time == "22:30"


@pytest.mark.parametrize(("code", "missed"), [(0, False), (3, False), (1, True)])
def test_a_night_is_missed_until_a_run_ends_well(tmp_path: Path, code: int, missed: bool) -> None:
    config = installation(tmp_path)
    assert health.missed(config, NIGHT)
    ended(config, code)
    assert health.missed(config, NIGHT + timedelta(hours=5)) is missed
    assert health.missed(config, NIGHT + timedelta(hours=24))


def test_a_failure_after_a_success_leaves_the_success_known(tmp_path: Path) -> None:
    config = installation(tmp_path)
    ended(config, 0)
    ended(config, 1, NIGHT + timedelta(hours=3))
    assert not health.missed(config, NIGHT + timedelta(hours=5))


def test_a_success_of_a_clock_that_was_ahead_counts_for_nothing(tmp_path: Path) -> None:
    config = installation(tmp_path)
    ended(config, 0, NIGHT + timedelta(days=900))
    assert health.missed(config, NIGHT)
    assert health.verdict(config, NIGHT)[0] == 1


@pytest.mark.parametrize(
    ("code", "later", "more", "expected"),
    [
        (0, timedelta(hours=8), {}, 0),
        (3, timedelta(hours=8), {"notices": [health.Notice("quarantined", "2 fiche(s)", count=2)]}, 3),
        (1, timedelta(hours=8), {}, 1),
        (0, timedelta(hours=27), {}, 0),  # this night's tries may still be going on
        (0, timedelta(hours=34), {}, 1),
    ],
)
def test_a_monitor_reads_one_number(tmp_path: Path, code: int, later: timedelta, more: dict, expected: int) -> None:
    config = installation(tmp_path)
    assert health.verdict(config, NIGHT)[0] == 1  # never run
    ended(config, code, **more)
    assert health.verdict(config, NIGHT + later)[0] == expected


@pytest.mark.parametrize("part", ["mail", "backup"])
def test_a_mail_or_a_backup_that_fails_needs_people(tmp_path: Path, part: str) -> None:
    config = installation(tmp_path)
    ended(config, 0)
    health.update(config, **{part: {"error": "connexion"}})
    assert health.verdict(config, NIGHT + timedelta(hours=8))[0] == 3


def test_the_command_prints_the_file_and_ends_with_its_number(tmp_path: Path) -> None:
    config = installation(tmp_path)
    assert kobo_sync(tmp_path, "health").returncode == 1
    ended(config, 0, datetime.now(UTC))
    done = kobo_sync(tmp_path, "health", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["exit_code"] == 0 and "tout va bien" in done.stderr


def test_the_command_tells_a_person_in_sentences(tmp_path: Path) -> None:
    config = installation(tmp_path)
    never = kobo_sync(tmp_path, "health")
    assert never.stdout.startswith("À réparer. Aucun travail de nuit") and "kobo-sync nightly --once" in never.stdout
    at = datetime.now(UTC)
    health.ended(config, started=at, at=at, exit_code=0, counts={"received": 12, "new": 3})
    done = kobo_sync(tmp_path, "health")
    assert done.returncode == 0 and done.stdout.startswith("Tout va bien.\nDernier travail : du ")
    assert "fiches sur le serveur : 12 ; nouvelles : 3" in done.stdout and "Prochaine nuit : " in done.stdout
    failures = [health.Failure("kobo-anltp", "AuthError")]
    notices = [health.Notice("x", "2 fiche(s) : kobo-sync status")]
    health.ended(config, started=at, at=at, exit_code=1, failures=failures, notices=notices)
    failed = kobo_sync(tmp_path, "health")
    assert failed.returncode == 1 and "Dernier travail réussi : " in failed.stdout
    assert "  • kobo-anltp : le serveur refuse" in failed.stdout
    assert "  • 2 fiche(s) : kobo-sync status" in failed.stdout
    assert "{" not in failed.stdout and "problems" not in failed.stdout


def test_a_failure_is_told_in_our_words(tmp_path: Path) -> None:
    failure = health.failure_of("kobo-anltp", AuthError("Le serveur dit : Amina Issoufou, 90 12 34 56"))
    assert failure.words == "kobo-anltp : le serveur refuse le jeton ou le mot de passe : kobo-sync doctor"

    class Nearer(ServerUnavailable):
        pass

    assert health.failure_of("", Nearer("x")).kind == "ServerUnavailable"
    try:
        {}["Amina"]
    except KeyError as error:
        assert "Amina" not in health.failure_of("", error).words


@pytest.mark.parametrize("number", ["+227 90 12 34 56", "90123456", "90-12-34-56"])
def test_what_looks_like_a_telephone_is_not_written(number: str) -> None:
    assert health.safe(f"12 fiche(s)\n {number} en attente") == "12 fiche(s) … en attente"


def test_a_server_s_words_neither_command_a_terminal_nor_hold_a_link() -> None:
    evil = "anltp\x1bc\x9b2J\u202eregardez\u200b http://evil.example/jeton ou www.evil.example, HTTPS://x"
    said = health.safe(f"{evil} : kobo-sync status")
    assert said == "anltp c 2J regardez … ou … … : kobo-sync status"


def test_what_a_run_says_once_waits_for_its_mail(tmp_path: Path) -> None:
    mail = {"host": "127.0.0.1", "sender": "a@exemple.invalid", "to": ["b@exemple.invalid"]}
    line = health.Notice("x", "1 question inconnue", once=True)
    config = installation(tmp_path, mail=mail)
    ended(config, 3, notices=[line, health.Notice("y", "2 fiche(s)")])
    ended(config, 3, notices=[line])
    ended(config, 0)
    assert health.to_tell(config) == ["1 question inconnue"]
    silent = installation(tmp_path, nightly={"health_file": "autre.json"})
    ended(silent, 3, notices=[line])
    assert health.to_tell(silent) == [], "nobody would ever be told: it does not pile up"


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_a_link_laid_for_the_file_is_not_written_through(tmp_path: Path) -> None:
    config, other = installation(tmp_path), tmp_path / "autre"
    other.write_text("à garder", encoding="utf-8")
    for name in ("health.json", f"health.json.{os.getpid()}.new"):
        (config.data_dir / name).symlink_to(other)
    ended(config, 0)
    assert other.read_text(encoding="utf-8") == "à garder" and health.read(config)["exit_code"] == 0


@pytest.mark.skipif(os.name != "posix", reason="mode bits")
def test_the_file_is_for_its_owner_and_group(tmp_path: Path) -> None:
    config = installation(tmp_path)
    ended(config, 0)
    assert stat.S_IMODE(health.path_of(config).stat().st_mode) & 0o027 == 0
    assert [path.name for path in config.data_dir.glob("health*")] == ["health.json"]


def test_a_broken_or_foreign_file_is_as_good_as_none(tmp_path: Path) -> None:
    config = installation(tmp_path)
    for content in ("{", "[]", '{"last_success": "hier", "exit_code": 0, "last_end": 5}'):
        health.path_of(config).write_text(content, encoding="utf-8")
        assert health.missed(config, NIGHT)
        assert health.verdict(config, NIGHT)[0] == 1


def test_a_folder_that_refuses_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "plein").write_text("", encoding="ascii")
    config = installation(tmp_path, nightly={"health_file": "plein/health.json"})
    ended(config, 0)
    assert health.read(config) == {}


def test_a_night_whose_process_died_is_not_still_running(tmp_path: Path) -> None:
    config = installation(tmp_path)
    ended(config, 0)
    health.update(config, running_since=health.instant(config, NIGHT + timedelta(hours=1)))
    later = NIGHT + timedelta(hours=2)
    with only_one(config):
        assert health.verdict(config, later)[0] == 0, "it runs"
    code, why = health.verdict(config, later)
    assert code == 1 and "s’est arrêté net" in why and "kobo-sync nightly --once" in why


def test_a_mail_that_does_not_leave_is_said_beside_anything_else(tmp_path: Path) -> None:
    config = installation(tmp_path)
    for code, more in ((1, {}), (3, {"notices": [health.Notice("x", "2 fiche(s)", count=2)]}), (0, {})):
        ended(config, code, **more)
        health.update(config, mail={"error": "connexion"})
        assert health.verdict(config, NIGHT + timedelta(hours=8))[1].count("le courrier ne part pas") == 1
