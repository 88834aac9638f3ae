"""A night on a disk that is full or turned read-only: code 1, a mail that says so, and a monitor that is not told of
the better night before."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kobo_sync import health
from kobo_sync.config import load_config
from kobo_sync.disk import free_bytes
from kobo_sync.doctor import examine
from kobo_sync.nightly import night, only_one, wall_clock
from kobo_sync.stopping import Stop
from tests.demo_server_fixture import USERS, Project
from tests.mail_fixture import mail_section, mail_server
from tests.night_fixture import installation
from tests.test_cli import kobo_sync
from tests.test_disk import small_disk


@pytest.fixture
def after_a_good_night(tmp_path: Path):
    """(configuration on a disk of its own, the disk, the mails), after a night of a minute ago that ended well."""
    from kobo_sync.demo_server import serve

    with (
        small_disk(tmp_path / "disque", "4m") as disk,
        serve(tmp_path / "serveur.db", users=USERS) as url,
        mail_server(tmp_path) as (box, mail),
    ):
        config = installation(
            tmp_path, url, Project.deployed(url).uid,
            data_dir=str(disk / "data"), mail=mail_section(tmp_path, mail.port_used),
        )  # fmt: skip
        assert night(config, Stop()) == 0 and health.verdict(config, datetime.now(UTC))[0] == 0
        health.update(config, last_start="2026-01-01T02:00:00+01:00", counts={"received": 37})
        box.messages.clear()
        yield config, disk, box


def test_a_full_disk_is_told_by_the_mail_and_by_health(after_a_good_night) -> None:
    config, disk, box = after_a_good_night
    with (disk / "filler").open("wb") as filler:
        filler.write(b"x" * free_bytes(disk))
    assert night(config, Stop()) == 1
    (message,) = box.messages
    text = message.get_content()
    assert "disque plein" in text and "37" not in text and "Cette nuit" not in text
    content = health.read(config)
    assert content["exit_code"] == 1 and "disque plein" in content["problems"][0], "written over the old bytes"
    code, why = health.verdict(config, wall_clock())
    assert code == 1 and "le disque est plein" in why
    (disk / "filler").unlink()
    assert health.verdict(config, wall_clock())[0] == 1, "there is room again, and the night is still to be done"


def test_a_disk_turned_read_only_is_no_fault_of_the_configuration(after_a_good_night) -> None:
    config, disk, box = after_a_good_night
    folder = config.path.parent
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    try:
        done = kobo_sync(folder, "nightly", "--once")
        assert done.returncode == 1, done.stderr
        (message,) = box.messages
        assert "disque en lecture seule" in message.get_content() and "fsck" in message.get_content()
        with only_one(load_config(config.path)):  # the scheduler stays up: it tells every night
            pass
        done = kobo_sync(folder, "health")
        assert done.returncode == 1 and "lecture seule" in done.stdout and "dmesg" in done.stdout
        found = [one for one in examine(config, now=wall_clock()) if one.subject == "disque" and not one.ok]
        assert len(found) == 1 and "data_dir" in found[0].text and "fsck" in found[0].remedy
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert os.access(config.data_dir, os.W_OK)
