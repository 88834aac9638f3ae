"""The units, the Windows task and the cron line call a command that exists, and are what their systems read."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from kobo_sync import cli
from kobo_sync.errors import StoreKeyError
from kobo_sync.secret_places import open_to_others, read_private_bytes

DEPLOY = Path(__file__).parent.parent / "deploy"
SERVICES = sorted((DEPLOY / "systemd").glob("*.service"))
TASK = DEPLOY / "windows" / "travail-de-nuit.xml"
SPACE = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}


class Repeated(dict):
    """configparser's store of options, where a key written twice keeps both values, as systemd does."""

    def __setitem__(self, key, value) -> None:
        if isinstance(value, list) and key in self and isinstance(self[key], list):
            self[key].extend(value)
        else:
            super().__setitem__(key, value)


def unit(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, dict_type=Repeated, delimiters=("=",), comment_prefixes="#")
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(path, encoding="utf-8")
    return parser


def commands() -> Iterator[tuple[str, str]]:
    for path in SERVICES:
        yield path.name, unit(path)["Service"]["ExecStart"]
    task = ElementTree.fromstring(TASK.read_bytes())
    yield TASK.name, f"{task.findtext('.//t:Command', '', SPACE)} {task.findtext('.//t:Arguments', '', SPACE)}"
    for line in (DEPLOY / "cron" / "anltp").read_text(encoding="utf-8").splitlines():
        yield from (("cron", found) for found in re.findall(r"\S+kobo-sync [^>|]+", line) if not line.startswith("#"))


@pytest.mark.parametrize(("where", "line"), list(commands()))
def test_each_calls_a_command_and_options_that_exist(where: str, line: str) -> None:
    program, command, *options = line.split()
    assert Path(program.replace("\\", "/")).stem == "kobo-sync" and command == "nightly"
    done = CliRunner().invoke(cli.app, [command, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert done.exit_code == 0
    for option in options:
        if option.startswith("--"):
            assert option in done.output
    assert options[options.index("--config") + 1].endswith("config.yaml")


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_the_services_are_shut_in(path: Path) -> None:
    service = unit(path)["Service"]
    wanted = {
        "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
        "UMask": "0077", "StateDirectory": "anltp", "ReadWritePaths": "/var/lib/anltp", "CapabilityBoundingSet": "",
        "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "KillMode": "mixed", "User": "anltp", "LimitCORE": "0",
    }  # fmt: skip
    assert {name: service.get(name) for name in wanted} == wanted
    text = path.read_text(encoding="utf-8")
    assert "SystemCallFilter=@system-service" in text and "MemoryMax=" in text
    assert "LoadCredential=kobo-jeton:/etc/anltp/secrets/kobo-jeton" in text
    assert f"/run/credentials/{path.name}/" in text  # what the comment says to write in config.yaml
    assert "[Install]" in text or (path.with_suffix(".timer")).exists()


def test_a_night_that_needs_people_is_no_failure_and_only_the_service_of_one_night_ends() -> None:
    once, always = (unit(DEPLOY / "systemd" / f"anltp-{name}.service")["Service"] for name in ("nuit", "ordonnanceur"))
    assert once["Type"] == "oneshot" and once["SuccessExitStatus"] == "3" and "--once" in once["ExecStart"]
    assert always["Type"] == "exec" and always["Restart"] == "on-failure" and "--once" not in always["ExecStart"]


def test_the_timer_keeps_niamey_s_hour_and_catches_up() -> None:
    timer = unit(DEPLOY / "systemd" / "anltp-nuit.timer")["Timer"]
    assert timer["OnCalendar"] == "*-*-* 02:00:00 Africa/Niamey" and timer["Persistent"] == "true"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_itself_reads_them(tmp_path: Path) -> None:
    for path in (DEPLOY / "systemd").iterdir():
        text = path.read_text(encoding="utf-8").replace("/opt/anltp/.venv/bin/kobo-sync", "/bin/true")
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(map(str, tmp_path.iterdir()))],
        capture_output=True,
        text=True,
    )
    ours = [line for line in done.stderr.splitlines() if "anltp" in line]
    assert not ours


def test_the_task_is_what_windows_imports() -> None:
    content = TASK.read_bytes()
    assert content.startswith(b"\xff\xfe") and content.decode("utf-16").startswith(
        '<?xml version="1.0" encoding="UTF-16"?>'
    )
    task = ElementTree.fromstring(content)
    said = {
        name: task.findtext(f".//t:{name}", "", SPACE)
        for name in ("StartWhenAvailable", "MultipleInstancesPolicy", "WorkingDirectory", "DaysInterval", "Count")
    }
    assert said == {
        "StartWhenAvailable": "true", "MultipleInstancesPolicy": "IgnoreNew", "WorkingDirectory": r"C:\anltp",
        "DaysInterval": "1", "Count": "3",
    }  # fmt: skip
    assert task.findtext(".//t:StartBoundary", "", SPACE).endswith("T02:00:00+01:00")  # Niamey, whatever the PC's zone


@pytest.mark.skipif(os.name != "posix", reason="systemd")
def test_a_secret_that_systemd_loads_is_read_and_the_same_file_elsewhere_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = tmp_path / "kobo-jeton"
    loaded.write_text("x", encoding="ascii")
    loaded.chmod(0o440)
    assert open_to_others(loaded)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert not open_to_others(loaded)
    loaded.chmod(0o444)
    assert open_to_others(loaded)


def test_a_command_typed_by_a_person_has_the_service_s_account_and_secrets(tmp_path: Path) -> None:
    if os.name != "posix" or os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"]).returncode:
        pytest.skip("a mount of its own needs root on Linux")
    (tmp_path / "kobo-jeton").write_text("jeton-du-service", encoding="ascii")
    look = "id -un; for f in /run/credentials/*/kobo-jeton; do stat -c '%a %U' $f; cat $f; echo; done; echo \"$1\""
    done = subprocess.run(
        [DEPLOY / "linux" / "anltp", "-c", look, "x", "deux mots"], capture_output=True, text=True,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "ANLTP_COMPTE": "nobody", "ANLTP_SECRETS": str(tmp_path),
             "ANLTP_CONFIG": "/", "ANLTP_PROGRAMME": "/bin/sh", "KOBO_TOKEN": "x"},
    )  # fmt: skip
    assert done.stdout.splitlines() == ["nobody", *["400 nobody", "jeton-du-service"] * 2, "deux mots"], done.stderr
    assert not Path("/run/credentials/anltp-nuit.service").exists(), "nobody else sees them"


@pytest.mark.parametrize("service", [path.name for path in SERVICES])
def test_a_secret_of_the_service_alone_is_not_to_be_created_by_hand(service: str) -> None:
    with pytest.raises(StoreKeyError) as told:
        read_private_bytes(Path(f"/run/credentials/{service}/kobo-jeton"), "jeton")
    assert "montré à ce service seul" in str(told.value) and "sudo anltp " in told.value.remedy
    assert "créez" not in str(told.value)
