"""`kobo-sync forms deploy` as typed: what it says, its exit code, and that a refusal changes nothing anywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kobo_sync.client import KoboClient
from kobo_sync.demo_server import requests as logged
from kobo_sync.demo_server import serve
from kobo_sync.deploy import deploy
from tests.demo_server_fixture import LEAD, USERS, Project
from tests.test_deploy_changes import form_file

COMMITTED = Path(__file__).parent.parent / "config.yaml"


@pytest.fixture
def base(tmp_path):
    with serve(tmp_path / "kobo.db", users=USERS) as url:
        content = yaml.safe_load(COMMITTED.read_text(encoding="utf-8"))
        content["sources"] = [{"name": "kobo", "kind": "kobo", "url": url, "token_env": "LEAD_TOKEN"}]
        content["sync_account"] = LEAD.name
        content["accounts"] = [{"username": "absente", "role": "national"}, {"username": "north1", "role": "national"}]
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        yield url


def typed(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from kobo_sync.cli import main; main()", "forms", "deploy", *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONWARNINGS": "error", "LEAD_TOKEN": LEAD.token},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def writes(folder: Path, since: int) -> list[str]:
    return [f"{line.method} {line.path}" for line in logged(folder / "kobo.db")[since:] if line.method != "GET"]


def test_orphaned_answers_stop_every_form_until_yes_is_typed(base, tmp_path):
    from kobo_sync.config import load_config

    (source,) = load_config(tmp_path / "config.yaml").sources
    with KoboClient(base, LEAD.token) as client:
        old = form_file(tmp_path, 1, [("text", "question_perdue"), ("text", "observations")])
        uid = deploy(client, source, "traite", old, {}).uid
    project = Project(base, uid)
    assert (
        project.send(project.xml("5a1e3f6e-0000-4000-8000-000000000001", question_perdue="x"), LEAD).status_code == 201
    )
    sent = len(logged(tmp_path / "kobo.db"))

    refused = typed(tmp_path)
    assert refused.returncode == 1 and "Traceback" not in refused.stderr
    assert "traite (kobo) laisserait de côté des réponses déjà reçues" in refused.stderr
    assert "« question_perdue » retirée" in refused.stderr and "--yes" in refused.stderr
    assert writes(tmp_path, sent) == [], "no form, not even another one, was touched"

    done = typed(tmp_path, "--yes")
    assert "kobo · traite : mis à jour" in done.stdout and "kobo · declaration : créé" in done.stdout
    # An account that does not exist ends in 1, after all the rest was done.
    assert done.returncode == 1
    assert "  • kobo : absente" in done.stderr and "north1" not in done.stderr
    assert "donné « valider toutes les fiches » : north1" in done.stdout
    assert "le compte de synchronisation lead1 déploie lui-même" in done.stderr
    assert project.rows()[0]["question_perdue"] == "x"


def test_only_the_named_server_is_asked(base, tmp_path):
    done = typed(tmp_path, "--source", "autre")
    assert done.returncode == 2 and "« autre » n’y figure pas" in done.stderr
    assert writes(tmp_path, 0) == []
