"""The settings code is read back from the image: what Collect needs, every door closed, and no password."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path

import numpy
import pytest
import yaml
import zxingcpp
from PIL import Image
from typer.testing import CliRunner

from kobo_sync import cli
from kobo_sync.collect_settings import LOCKED, OPEN, decode, encode, settings_of, write_qr

COMMITTED = Path(__file__).parent.parent / "config.yaml"
COLLECT = """
edit_saved send_finalized view_sent get_blank delete_saved change_server change_project_display change_app_theme
change_app_language change_font_size change_navigation maps form_update_mode periodic_form_updates_check
automatic_update hide_old_form_versions change_autosend delete_after_send change_constraint_behavior high_resolution
image_size guidance_hint external_app_recording instance_form_sync change_form_metadata analytics moving_backwards
access_settings change_language jump_to save_mid
"""
"""The protected keys of Collect's own schema of client settings, the password apart."""
SERVER = "https://kc.kobotoolbox.org"


def pixels(path: Path) -> numpy.ndarray:
    with Image.open(path) as image:
        return numpy.array(image.convert("L"))


def scanned(path: Path) -> dict[str, dict[str, object]]:
    (code,) = zxingcpp.read_barcodes(pixels(path))
    return decode(code.text)


def test_the_image_holds_the_settings_of_one_agent(tmp_path):
    write_qr(SERVER, "pol_nia_1", tmp_path / "new" / "a.png")
    found = scanned(tmp_path / "new" / "a.png")
    assert found == settings_of(SERVER, "pol_nia_1")
    general, admin = found["general"], found["admin"]
    assert (general["server_url"], general["username"]) == (SERVER, "pol_nia_1")
    assert general["delete_send"] is True and general["form_update_mode"] == "match_exactly"
    assert general["app_language"] == "fr" and general["autosend"] == "wifi_and_cellular"
    assert admin["view_sent"] is admin["change_server"] is admin["access_settings"] is False
    assert admin["edit_saved"] is admin["save_mid"] is True


def test_no_password_whatever_its_name():
    said = json.dumps(settings_of(SERVER, "pol_nia_1")).lower()
    assert "password" not in said and "admin_pw" not in said and "token" not in said


def test_every_door_that_collect_knows_is_open_or_closed_on_purpose():
    """One that is left out would be open."""
    known = set(COLLECT.split())
    assert known == {*OPEN, *LOCKED} and not set(OPEN) & set(LOCKED)


def test_the_payload_is_what_the_makers_of_collect_document():
    """base64 of zlib of JSON, with `general` and `admin` even if empty."""
    text = base64.b64encode(zlib.compress(b'{"general": {}, "admin": {}}')).decode()
    assert decode(text) == {"general": {}, "admin": {}}
    assert zlib.decompress(base64.b64decode(encode({"general": {}, "admin": {}}))) == b'{"general":{},"admin":{}}'


def config(folder: Path, accounts) -> Path:
    content = yaml.safe_load(COMMITTED.read_text(encoding="utf-8")) | {"accounts": accounts}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


AGENTS = [{"username": f"pol_nia_{n}", "role": "agent", "entity": "POL_NIA"} for n in (1, 2)]


def test_one_code_for_each_agent_of_the_configuration(tmp_path):
    path = config(tmp_path, [*AGENTS, {"username": "revue", "role": "national"}])
    done = CliRunner().invoke(cli.app, ["forms", "qr", "--all", str(tmp_path / "qr"), "--config", str(path)])
    assert done.exit_code == 0, done.output
    assert {file.name for file in (tmp_path / "qr").iterdir()} == {"pol_nia_1.png", "pol_nia_2.png"}
    found = scanned(tmp_path / "qr" / "pol_nia_2.png")
    assert found["general"]["username"] == "pol_nia_2" and found["general"]["server_url"] == SERVER
    assert "aucun mot de passe" in done.output


def test_one_account_needs_no_configuration(tmp_path):
    words = ["forms", "qr", "--server", "https://kc.example.org/", "--username", "x1", "--out", str(tmp_path / "x.png")]
    assert CliRunner().invoke(cli.app, words).exit_code == 0
    assert scanned(tmp_path / "x.png")["general"]["server_url"] == "https://kc.example.org"


def asked(folder: Path, *words: str, accounts=(), **source: str):
    path = config(folder, list(accounts))
    if source:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        content["sources"][0] |= source
        path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    done = CliRunner().invoke(cli.app, ["forms", "qr", *words, "--config", str(path)])
    return done, " ".join(done.output.replace("│", " ").split())


def test_whose_code_it_is_is_printed_under_it(tmp_path):
    write_qr(SERVER, "pol_nia_1", tmp_path / "a.png", "Police nationale, brigade des mineurs de Niamey")
    write_qr(SERVER, "pol_nia_1", tmp_path / "b.png", "ONG Aïr Solidarité, Agadez")
    write_qr(SERVER, "pol_nia_1", tmp_path / "c.png", "Direction régionale de la protection de l’enfant " * 9)
    one, other, long = (pixels(tmp_path / f"{name}.png") for name in "abc")
    assert one.shape == other.shape == long.shape
    foot = one.shape[0] - 190
    assert foot > 400 and (one[:foot] == other[:foot]).all(), "the code is the same"
    assert (one[foot:] != other[foot:]).any() and (one[foot:] == 0).sum() > 1000, "and the words are not"
    for image in (one, other, long):
        assert (image[-8:] == 255).all() and (image[foot:, :8] == 255).all(), "nothing is cut at the edge"
        (code,) = zxingcpp.read_barcodes(image)
        assert decode(code.text) == settings_of(SERVER, "pol_nia_1")


def test_an_account_that_is_not_configured_is_refused_with_the_near_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done, text = asked(tmp_path, "--username", "Pol_nia1", accounts=AGENTS[:1])
    assert done.exit_code == 2 and "« Pol_nia1 » n’est pas dans accounts ; vouliez-vous dire « pol_nia_1 » ?" in text
    done, text = asked(tmp_path, "--username", "zzz", "--server", SERVER, accounts=AGENTS[:1])
    assert done.exit_code == 2 and "ajoutez-le à accounts" in text
    assert not list(tmp_path.glob("**/*.png"))


def test_a_coordinator_s_account_is_said_to_see_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    coordinator = {"username": "coord", "role": "coordinator", "region": "NE001", "families": ["protection"]}
    done, text = asked(tmp_path, "--username", "coord", accounts=[coordinator])
    assert done.exit_code == 0 and "coord (ANLTP/TIM) : coord.png" in text
    assert "coord n’est pas un compte d’agent (rôle coordinator), il voit des fiches" in text
    assert f"Adresse du serveur dans le code : {SERVER}" in text and "domaine" not in text


def test_an_address_of_another_domain_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done, text = asked(tmp_path, "--username", "x", phones_url="https://kc.kobotoolbox.example")
    assert done.exit_code == 0 and "n’est pas du même domaine que le serveur (https://kf.kobotoolbox.org)" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--username", "a@b.example", "--server", SERVER], "pas l’adresse électronique"),
        (["--username", "x", "--server", "https://x:secret@kc.example.org"], "retirez le nom et le mot de passe"),
        (["--username", "x", "--server", "http://kc.example.org"], "https"),
        (["--username", "x", "--all", "qr"], "--username COMPTE"),
        ([], "--username COMPTE"),
    ],
)
def test_a_mistake_is_refused_with_its_remedy(tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli.app, ["forms", "qr", *words, "--config", str(config(tmp_path, AGENTS))])
    text = " ".join(done.output.replace("│", " ").split())
    assert done.exit_code == 2 and said in text, done.output
    assert "secret" not in done.output and not list(tmp_path.glob("**/*.png"))
