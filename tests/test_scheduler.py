"""The scheduler of the nights: a missed one caught up, stopped without loss, no night's end its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from kobo_sync import health, logs, scheduler
from kobo_sync.config import Config
from kobo_sync.errors import LockHeld
from kobo_sync.keys import load_keys
from kobo_sync.nightly import night, only_one
from kobo_sync.scheduler import Child, Nights
from kobo_sync.stopping import Stop
from kobo_sync.store import Store
from tests.mail_fixture import mail_section, mail_server
from tests.night_fixture import GATEWAY, NIGHT, Clock, Gateway, demo_site, events, installation
from tests.stub_server import stub
from tests.test_cli import kobo_sync


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
