"""A night that nobody watches: tried again, caught up, told once, stopped without loss, no scheduler's end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from kobo_sync import health, logs, scheduler
from kobo_sync.config import Config
from kobo_sync.errors import LockHeld
from kobo_sync.keys import load_keys
from kobo_sync.lock import hold_lock
from kobo_sync.nightly import night, only_one
from kobo_sync.scheduler import Child, Nights
from kobo_sync.stopping import Stop
from kobo_sync.store import Store
from tests.demo_server_fixture import USERS, Project
from tests.mail_fixture import mail_section, mail_server
from tests.night_fixture import NIGHT, Clock, installation
from tests.stub_server import Said, stub
from tests.test_cli import kobo_sync

GATEWAY = Said("<html>Passerelle : Amina Issoufou</html>", kind="text/html")
"""What a hotel's or a provider's gateway answers in place of the server: at once, and an hour may mend it."""


@contextmanager
def demo_site(folder: Path, *middleware, **sections) -> Iterator[Config]:
    """A server with one small form, without a row, and an installation that pulls it."""
    from kobo_sync.demo_server import serve

    with serve(folder / "serveur.db", users=USERS, middleware=middleware) as url:
        yield installation(folder, url, Project.deployed(url).uid, **sections)


def say(lines: list[str]) -> Callable[[str], None]:
    return lines.append


def events(config: Config) -> list[str]:
    files = sorted(logs.folder_of(config).glob("*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [line["event"] for line in lines if "event" in line]


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


class Refusing:
    """Answers `status` to what has `word` in its address."""

    def __init__(self, app, word: str, status: int) -> None:
        self.app, self.word, self.status = app, word, status

    async def __call__(self, scope, receive, send) -> None:
        if self.word not in scope.get("path", ""):
            await self.app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"detail": "no"}'})


class Gateway:
    """Answers a page in the server's place while `down`; with `held`, lets nothing pass until it is let go."""

    def __init__(self, app, down=None, held=None, reached=None) -> None:
        self.app, self.down, self.held, self.reached = app, down, held, reached

    async def __call__(self, scope, receive, send) -> None:
        if self.down is not None and self.down.is_set():
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
            await send({"type": "http.response.body", "body": b"<html></html>"})
            return
        if self.held is not None and "/data" in scope["path"]:
            import asyncio

            self.reached.set()
            while not self.held.is_set():
                await asyncio.sleep(0.05)
        await self.app(scope, receive, send)


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


# --- The scheduler --------------------------------------------------------------------------------------------------


def nights_of(config: Config, clock: Clock, code: int | Exception = 0) -> tuple[Nights, list[datetime]]:
    begun: list[datetime] = []

    def run() -> int:
        begun.append(clock())
        if isinstance(code, Exception):
            raise code
        if code in (0, 1, 3):
            health.ended(config, started=clock(), at=clock(), exit_code=code)
        return code

    return Nights(config, run, clock=clock), begun


@pytest.mark.parametrize(("catch_up", "ran"), [(True, 1), (False, 0)])
def test_a_missed_night_is_run_at_the_start(tmp_path: Path, catch_up: bool, ran: int) -> None:
    clock = Clock(NIGHT + timedelta(hours=6))
    config = installation(tmp_path, nightly={"catch_up": catch_up})
    nights, begun = nights_of(config, clock)
    nights.start()
    assert len(begun) == ran
    nights.start()
    assert len(begun) == ran  # it has run, or is not wanted


def due(nights: Nights) -> None:
    """What a machine finds that slept past the hour."""
    (job,) = nights.scheduler.get_jobs()
    job.next_run = datetime.now() - timedelta(hours=3)


def test_the_hour_is_kept_in_the_zone_of_the_configuration(tmp_path: Path) -> None:
    nights, begun = nights_of(installation(tmp_path, nightly={"time": "22:30"}), Clock(NIGHT))
    planned = nights.scheduler.next_run
    assert planned is not None and f"{planned.astimezone(UTC):%H:%M}" == "21:30"
    nights.tick()
    assert not begun
    due(nights)
    nights.tick()
    nights.tick()
    assert len(begun) == 1  # once, and planned again
    assert nights.scheduler.next_run is not None and nights.scheduler.next_run > datetime.now()


@pytest.mark.parametrize("code", [1, -9, 2, RuntimeError("Amina Issoufou")])
def test_a_night_that_fails_or_dies_leaves_the_scheduler_alive(tmp_path: Path, code: int | Exception) -> None:
    nights, begun = nights_of(installation(tmp_path), Clock(NIGHT), code)
    for _ in range(2):
        due(nights)
        nights.tick()
    assert len(begun) == 2
    assert health.read(nights.config)["exit_code"] == 1


def test_a_night_that_dies_without_a_word_is_told_by_the_scheduler(tmp_path: Path) -> None:
    with mail_server(tmp_path) as (box, mail):
        config = installation(tmp_path, mail=mail_section(tmp_path, mail.port_used))
        nights, _ = nights_of(config, Clock(NIGHT), -9)
        nights.run()
    (message,) = box.messages
    assert "s’est arrêté net" in message.get_content() and "s’est arrêté net" in health.read(config)["problems"][0]


def test_a_clock_put_right_after_a_jump_ahead_is_noticed(tmp_path: Path) -> None:
    config = installation(tmp_path)
    nights, begun = nights_of(config, Clock(NIGHT))
    (job,) = nights.scheduler.get_jobs()
    job.next_run = datetime.now() + timedelta(days=1500)
    with logs.kept(config):
        nights.tick()
    assert not begun and "clock_changed" in events(config)
    assert nights.scheduler.next_run is not None
    assert nights.scheduler.next_run - datetime.now() < timedelta(hours=25)


def test_another_hour_in_the_configuration_counts_from_the_next_night(tmp_path: Path) -> None:
    nights, _ = nights_of(installation(tmp_path), Clock(NIGHT))
    installation(tmp_path, nightly={"time": "04:15"})
    nights.run()
    planned = nights.scheduler.next_run
    assert planned is not None and f"{planned.astimezone(UTC):%H:%M}" == "03:15"
    (tmp_path / "config.yaml").write_text("sources: [", encoding="utf-8")
    nights.run()
    assert nights.config.nightly.time == "04:15"  # a broken file leaves the last good one


# --- Real processes -------------------------------------------------------------------------------------------------


@contextmanager
def command(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The command line in a process of its own, killed at the end if a test failed before it ended."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from kobo_sync.cli import main; main()", *words],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONWARNINGS": "error", "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


posix = pytest.mark.skipif(os.name != "posix", reason="its twin on Windows is CTRL_BREAK")


@posix
def test_a_second_scheduler_says_who_is_first_and_a_signal_ends_the_first_with_0(tmp_path: Path) -> None:
    config = installation(tmp_path, nightly={"catch_up": False})
    with command(tmp_path, "nightly") as first:
        assert first.stdout is not None and "Prochaine nuit" in first.stdout.readline()
        for words in (("nightly",), ("nightly", "--once")):
            with command(tmp_path, *words) as second:
                _, said = second.communicate(timeout=60)
            assert second.returncode == 1 and f"processus {first.pid}" in said
        first.send_signal(signal.SIGTERM)
        rest, said = first.communicate(timeout=60)
    assert (first.returncode, said) == (0, "") and "arrêté" in rest
    assert events(config) == ["scheduler_start", "scheduler_stop"]
    with only_one(config):
        pass


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_night_asked_to_stop_ends_at_a_safe_point_and_is_caught_up(tmp_path: Path, number: int) -> None:
    from starlette.middleware import Middleware

    reached, held = threading.Event(), threading.Event()
    with demo_site(tmp_path, Middleware(Gateway, held=held, reached=reached)) as config:
        try:
            with command(tmp_path, "nightly") as service:  # never run here: it catches up at once
                assert reached.wait(60)
                service.send_signal(number)
                threading.Timer(1.5, held.set).start()
                said, errors = service.communicate(timeout=120)
        finally:
            held.set()
        assert (service.returncode, errors) == (0, ""), said
        assert events(config)[-3:] == ["stopped", "night_end", "scheduler_stop"]
        assert health.missed(config, datetime.now(UTC))
        with Store.open(config.store_path, load_keys(config).store) as store:
            assert store.connection.execute("SELECT count(*) FROM sync_run WHERE finished_at IS NULL").fetchone() == (
                1,
            )
        assert night(config, Stop()) == 0
        assert not health.missed(config, datetime.now(UTC))


@posix
def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    from starlette.middleware import Middleware

    reached, held = threading.Event(), threading.Event()
    with demo_site(tmp_path, Middleware(Gateway, held=held, reached=reached)) as config:
        try:
            with command(tmp_path, "nightly", "--once") as service:
                assert reached.wait(60)
                service.send_signal(signal.SIGTERM)
                with pytest.raises(subprocess.TimeoutExpired):
                    service.wait(1)
                service.send_signal(signal.SIGTERM)
                assert service.wait(60) == 128 + signal.SIGTERM
                service.communicate()
        finally:
            held.set()
        assert night(config, Stop()) == 0


@posix
def test_a_night_in_its_wait_stops_at_once(tmp_path: Path) -> None:
    with stub(lambda _: GATEWAY) as (url, _):
        installation(tmp_path, url)
        with command(tmp_path, "nightly", "--once") as service:
            assert service.stdout is not None
            for line in service.stdout:
                if "Nouvel essai dans 60 minutes (1 sur 3)" in line:
                    break
            service.send_signal(signal.SIGTERM)
            service.communicate(timeout=60)
    assert service.returncode == 0


def test_a_night_that_never_ends_is_asked_to_then_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "LONGEST", 0.5)
    monkeypatch.setattr(scheduler, "_PATIENCE", 0.5)
    child = Child(tmp_path / "config.yaml")
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    child._command = [sys.executable, "-c", deaf]
    assert child.run(Stop()) == 1


def test_a_broken_configuration_is_a_wrong_use(tmp_path: Path) -> None:
    installation(tmp_path)
    content = yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8"))
    content["nightly"] = {"time": "25:00"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with command(tmp_path, "nightly", "--once") as once:
        _, said = once.communicate(timeout=60)
    assert once.returncode == 2 and "nightly.time = « 25:00 » : écrivez l’heure entre guillemets" in said


def test_the_lock_of_a_second_one_in_this_process_is_refused_too(tmp_path: Path) -> None:
    config = installation(tmp_path)
    with only_one(config), pytest.raises(LockHeld, match="tourne déjà"), only_one(config):
        pass


def test_a_machine_that_starts_again_makes_only_a_night_that_was_missed(tmp_path: Path) -> None:
    with demo_site(tmp_path) as config:
        for expected in ("night_start", "nothing"):
            before = events(config).count("night_start")
            done = kobo_sync(tmp_path, "nightly", "--once", "--if-missed")
            assert done.returncode == 0, done.stderr
            assert events(config).count("night_start") - before == (expected == "night_start")
        health.update(config, exit_code=3)
        assert "rien à rattraper" in kobo_sync(tmp_path, "nightly", "--once", "--if-missed").stdout
