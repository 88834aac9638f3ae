"""`kobo-sync forms deploy` as typed: what it says, its exit code, and that a refusal changes nothing anywhere."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from kobo_sync import cli, forms
from kobo_sync.client import KoboClient
from kobo_sync.demo_server import requests as logged
from kobo_sync.demo_server import serve
from kobo_sync.deploy import NAMES, deploy
from kobo_sync.errors import KoboSyncError
from tests.demo_server_fixture import LEAD, PHONE, USERS, Project
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


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """The committed sources and forms, apart, to be spoilt."""
    copy = tmp_path / "xlsforms"
    shutil.copytree(forms.FOLDER, copy)
    monkeypatch.setattr(forms, "FOLDER", copy)
    monkeypatch.setenv("LEAD_TOKEN", LEAD.token)
    monkeypatch.setenv("PHONE_TOKEN", PHONE.token)
    for form in forms.FORMS:
        forms.build(form, copy)
    return copy


def ran(folder: Path, *words: str):
    return CliRunner().invoke(cli.app, ["forms", "deploy", "--config", str(folder / "config.yaml"), *words])


def told(done) -> str:
    assert isinstance(done.exception, KoboSyncError), done.output
    return str(done.exception)


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        (
            "traite/survey.csv",
            "Choisissez la région.",
            "Choisissez une région.",
            ["traite · traite.xlsx : le fichier ne vient pas", "sources modifiées : kobo-sync forms build"],
        ),
        ("contacts.csv", "NE003,", "NE03,", ["trafic · contacts.csv : Dosso (NE003) : région absente", "corrigez ces"]),
        ("suivi/survey.csv", ",yes,", ",oui,", ["suivi · ", "required = oui ne rend rien obligatoire"]),
    ],
)
def test_forms_with_faults_are_not_sent(base, tmp_path, sources, file, old, new, words):
    spoil(sources / file, old, new)
    done = ran(tmp_path)
    assert all(word in told(done) for word in words), told(done)
    assert writes(tmp_path, 0) == []


def test_a_question_that_nothing_reads_is_not_sent(base, tmp_path, sources):
    with (sources / "suivi/survey.csv").open(encoding="utf-8", newline="") as file:
        columns = next(csv.reader(file))
    row = {"type": "integer", "name": "neuve", "label::Français (fr)": "Neuve", "label::English (en)": "New"}
    with (sources / "suivi/survey.csv").open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, columns).writerow(row)
    forms.build("suivi", sources)
    assert "suivi · neuve : aucune ligne de mapping.csv ne lit cette question" in told(ran(tmp_path))
    assert writes(tmp_path, 0) == []


def test_exchanged_identifiers_are_told_together_and_nothing_is_written(base, tmp_path, sources):
    first = ran(tmp_path)
    uids = dict(re.findall(r"· (\w+) : créé \((\w+)\)", first.output))
    assert set(uids) == set(forms.FORMS), first.output
    content = yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8"))
    content["sources"][0]["forms"] = uids | {"traite": uids["trafic"], "trafic": uids["traite"]}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    sent = len(logged(tmp_path / "kobo.db"))
    refused = told(ran(tmp_path))
    assert f"le projet {uids['trafic']} porte la fiche trafic, pas traite" in refused
    assert f"le projet {uids['traite']} porte la fiche traite, pas trafic" in refused
    assert "Rien n’a été changé" in refused and writes(tmp_path, sent) == []


def test_each_account_is_said_in_words(base, tmp_path, sources):
    content = yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8"))
    both = ["justice_securite", "protection"]
    content["accounts"] = [
        {"username": "phone1", "role": "agent", "entity": "POL_NIA"},
        {"username": "north1", "role": "coordinator", "entity": "ONG_AGZ", "region": "NE001", "families": both},
    ]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    done = ran(tmp_path)
    assert done.exit_code == 0, done.output
    assert "compte phone1 (Police nationale" in done.output and "envoie, ne voit aucune fiche" in done.output
    seen = "voit, corrige et valide les fiches de Agadez (NE001), famille(s) « Justice et sécurité » et « Protection »"
    assert f"compte north1 (ONG Aïr Solidarité, Agadez) : {seen}" in done.output
    assert "à savoir : accounts (north1) : ONG Aïr Solidarité, Agadez est un organisme de protection" in done.output


def test_a_refused_account_or_token_says_which_to_give(base, tmp_path, sources, monkeypatch):
    first = ran(tmp_path)
    assert "Comptes que le serveur ne connaît pas" in first.output, (first.output, first.exception)
    with KoboClient(base, LEAD.token) as client:
        uids = {form: client.find_assets(name)[0] for form, name in NAMES.items()}
    content = yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8"))
    content["sources"][0]["forms"] = uids
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    for uid in uids.values():
        Project(base, uid).allow(PHONE, "view_asset")
    spoil(sources / "contacts.csv", "Niamey", "Niamey ville")
    monkeypatch.setenv("LEAD_TOKEN", PHONE.token)
    assert "déployez avec --token-env NOM, la variable qui porte le jeton du propriétaire" in told(ran(tmp_path))
    assert "PHONE_TOKEN doit porter le jeton du propriétaire" in told(ran(tmp_path, "--token-env", "PHONE_TOKEN"))
    monkeypatch.setenv("WRONG_TOKEN", "9" * 40)
    refused = told(ran(tmp_path, "--token-env", "WRONG_TOKEN"))
    assert refused.endswith("recopiez le jeton, en entier : WRONG_TOKEN") and "9" * 40 not in refused


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

    refused = typed(tmp_path, "--token-env", "LEAD_TOKEN", "--source", "kobo")
    assert refused.returncode == 1 and "Traceback" not in refused.stderr
    assert "traite (kobo) laisserait de côté des réponses déjà reçues" in refused.stderr
    assert "« question_perdue » retirée" in refused.stderr
    assert "acceptez-les : kobo-sync forms deploy --source kobo --token-env LEAD_TOKEN --yes" in refused.stderr
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


def test_a_partner_s_server_gets_the_forms_that_stand_under_it(base, tmp_path, sources):
    content = yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8"))
    content["sources"][0]["forms"] = {"traite": None, "suivi": None}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    done = ran(tmp_path)
    assert set(re.findall(r"· (\w+) : créé", done.output)) == {"traite", "suivi"}, done.output
    with KoboClient(base, LEAD.token) as client:
        assert {form for form, name in NAMES.items() if client.find_assets(name)} == {"traite", "suivi"}
