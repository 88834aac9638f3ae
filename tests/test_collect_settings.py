"""The settings code is read back from the image: what Collect needs, every door closed, and no password."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from pathlib import Path

import numpy
import pytest
import yaml
import zxingcpp
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
    """The image, read without an imaging library: segno writes one grey bit a pixel, a row alike as no difference."""
    data, at, body, size = path.read_bytes(), 8, b"", (0, 0)
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        content = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", content[:10])
            assert (depth, colour) == (1, 0)
            size = (width, height)
        body += content if kind == b"IDAT" else b""
        at += length + 12
    stride = (size[0] + 7) // 8 + 1
    rows = numpy.frombuffer(zlib.decompress(body), numpy.uint8).reshape(size[1], stride)
    lines: list[numpy.ndarray] = []
    for kind, row in zip(rows[:, 0], rows[:, 1:], strict=True):
        assert kind in (0, 2)
        lines.append(row + lines[-1] if kind == 2 else row)
    return numpy.unpackbits(numpy.array(lines), axis=1)[:, : size[0]] * numpy.uint8(255)


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
