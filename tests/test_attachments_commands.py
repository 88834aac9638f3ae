"""Files of submissions as people meet them: asked for in config.yaml, fetched at night, listed, and one taken out."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest
import yaml
from typer.testing import CliRunner

from kobo_sync import cli
from kobo_sync.config import load_config
from kobo_sync.demo_server import serve
from kobo_sync.errors import ConfigError
from kobo_sync.keys import STORE_VARIABLE
from kobo_sync.opened import opened_store
from kobo_sync.run import pull_only
from tests.demo_server_fixture import LEAD, USERS, Project
from tests.erase_fixture import configured
from tests.store_fixture import KEY

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 100
NAME = "Zakwembaro_protocole.png"


@pytest.fixture
def config(tmp_path, monkeypatch):
    for name, value in (
        (STORE_VARIABLE, KEY.hex()),
        ("KOBO_SYNC_PSEUDONYM_KEY", "cd" * 32),
        ("KOBO_TOKEN", LEAD.token),
    ):
        monkeypatch.setenv(name, value)
    with serve(tmp_path / "kobo.db", users=USERS) as base:
        project = Project.deployed(base)
        project.send(project.xml("0b8f9d8e-0000-4000-8000-000000000001", photo=NAME), **{NAME.replace(".", "__"): PNG})
        configured(tmp_path, url=base, uid=project.uid)
        yield tmp_path / "config.yaml"


def ask_for(path, answer) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["attachments"] = {"traite": answer}
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")


def typed(path, *words):
    return CliRunner().invoke(cli.app, ["attachments", *words, "--config", str(path)], env={"COLUMNS": "200"})


def test_nothing_is_fetched_unless_it_is_asked_for(config, tmp_path):
    pull_only(load_config(config), now=NOW)
    assert not (tmp_path / "data" / "attachments").exists()
    said = typed(config, "list")
    assert said.exit_code == 0 and "attachments: {fournisseur: oui}" in said.output


def test_a_file_asked_for_is_fetched_listed_without_its_name_and_taken_out_with_a_reason(config, tmp_path):
    ask_for(config, "oui")
    report = pull_only(load_config(config), now=NOW)
    assert not report.problems
    listed = typed(config, "list")
    assert listed.exit_code == 0 and f"gardé ; {len(PNG)} octets" in listed.output
    assert "Zakwembaro" not in listed.output
    out = tmp_path / "scan.png"
    done = typed(config, "export", "1", "--to", str(out), "--reason", "vérifier la signature")
    assert done.exit_code == 0, done.output
    assert out.read_bytes() == PNG
    if os.name == "posix":
        assert out.stat().st_mode & 0o077 == 0
    with opened_store(load_config(config), write=False) as (store, _):
        noted = store.connection.execute("SELECT action, subject, reason FROM audit").fetchall()
    assert noted == [("attachment", "1", "vérifier la signature")]


@pytest.mark.parametrize(
    ("to", "reason", "said"),
    [
        ("outputs/scan.png", "x", "output_dir"),
        ("data/scan.png", "x", "data_dir"),
        ("kobo.db", "x", "existe déjà"),
        ("scan.png", " ", "pourquoi"),
    ],
)
def test_a_file_in_clear_is_not_written_where_it_should_not_be_nor_without_a_reason(config, tmp_path, to, reason, said):
    ask_for(config, True)
    pull_only(load_config(config), now=NOW)
    before = (tmp_path / "kobo.db").read_bytes()[:16]
    done = typed(config, "export", "1", "--to", str(tmp_path / to), "--reason", reason)
    assert done.exit_code == 2 and said in done.output
    assert (tmp_path / "kobo.db").read_bytes()[:16] == before
    assert not (tmp_path / "outputs" / "scan.png").exists() and not (tmp_path / "scan.png").exists()


@pytest.mark.parametrize("wrong", [{"autre": True}, {"traite": "peut-être"}, ["fournisseur"]])
def test_a_mistake_in_the_configuration_is_told_in_french(config, wrong):
    content = yaml.safe_load(config.read_text(encoding="utf-8")) | {"attachments": wrong}
    config.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ConfigError) as told:
        load_config(config)
    assert "attachments" in str(told.value) and "input" not in str(told.value).lower()
