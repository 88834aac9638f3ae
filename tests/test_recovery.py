"""The recovery copy: any officer opens it alone, a drill proves it, and real work waits for the drill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest

from kobo_sync.age_files import read_identities
from kobo_sync.errors import ConfigError, StoreKeyError
from kobo_sync.keys import Keys, init_keys, load_keys
from kobo_sync.recovery import open_copy, recovery_notices, require_drill, write_copy
from tests.backup_fixture import PASSPHRASE, configured, installed, kobo_sync, kobo_sync_process, officer


def no_passphrase() -> str:
    raise AssertionError("asked for a passphrase")


def everything_said(*runs: object) -> str:
    return "".join(f"{run.stdout}{run.stderr}" for run in runs)


def test_init_ends_only_after_an_officer_has_opened_the_copy(tmp_path: Path) -> None:
    officers = [officer(tmp_path, "directrice"), officer(tmp_path, "magistrat")]
    config = configured(tmp_path / "serveur", officers)
    first = kobo_sync_process(config.path.parent, "init")
    assert first.returncode == 3 and "recovery check" in first.stdout
    (copy,) = config.data_dir.glob("recovery-*.age")
    assert copy.stat().st_mode & 0o777 == 0o600 or os.name != "posix"

    refused = kobo_sync_process(config.path.parent, "run", KOBO_TOKEN="jeton")
    assert refused.returncode == 1 and f"kobo-sync recovery check {copy} --identity" in refused.stderr

    again = kobo_sync(config.path.parent, "init")  # interrupted, then resumed: same keys, same copy
    assert again.returncode == 3 and list(config.data_dir.glob("recovery-*.age")) == [copy]

    elsewhere = tmp_path / "poste-du-magistrat"
    elsewhere.mkdir()
    (elsewhere / copy.name).write_bytes(copy.read_bytes())
    tried = kobo_sync_process(elsewhere, "recovery", "check", copy.name, "--identity", str(officers[1].file))
    assert tried.returncode == 0
    code = tried.stdout.split("serveur : ")[1].split()[0]
    assert not list(elsewhere.glob("*.key"))

    wrong = kobo_sync(config.path.parent, "recovery", "confirm", "AAAA-BBBB-CCCC")
    assert wrong.returncode == 1 and "aucune copie" in wrong.stderr
    done = kobo_sync(config.path.parent, "recovery", "confirm", code.lower())
    assert done.returncode == 0 and "magistrat" in done.stdout
    assert kobo_sync(config.path.parent, "init").returncode == 0
    require_drill(config, load_keys(config))
    keys = load_keys(config)
    for secret in (keys.store.hex(), keys.pseudonym.hex(), "AGE-SECRET-KEY"):
        assert secret not in everything_said(first, refused, again, tried, wrong, done)
        assert all(secret.encode() not in path.read_bytes() for path in (copy, config.data_dir / "recovery.json"))


def test_an_officer_at_the_server_ends_init_at_once(tmp_path: Path) -> None:
    officers = [officer(tmp_path, "directrice"), officer(tmp_path, "magistrat")]
    config = configured(tmp_path / "serveur", officers)
    done = kobo_sync(config.path.parent, "init", "--identity", str(officers[0].file))
    assert done.returncode == 0 and "Essai noté pour directrice" in done.stdout
    require_drill(config, load_keys(config))
    assert recovery_notices(config, load_keys(config)) == [
        f"N’ont pas encore ouvert la copie de secours {next(config.data_dir.glob('recovery-*')).name} : magistrat "
        "(conseillé)"
    ]


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminal")
@pytest.mark.parametrize("there", [True, False])
def test_at_a_keyboard_init_asks_for_the_officer_who_is_there(tmp_path: Path, there: bool) -> None:
    import pty

    officers = [officer(tmp_path, "directrice"), officer(tmp_path, "magistrat")]
    config = configured(tmp_path / "serveur", officers)
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", "from kobo_sync.cli import main; main()", "init"],
        cwd=config.path.parent, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    os.write(ours, f"{officers[0].file if there else ''}\n".encode())
    said, _ = child.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert child.returncode == (0 if there else 3), said
    assert ("Essai noté pour directrice" if there else "recovery confirm CODE") in said


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminal")
@pytest.mark.parametrize("second", ["celle de cet essai", "une autre phrase"])
def test_a_new_phrase_is_asked_twice_in_french_after_its_rule(tmp_path: Path, second: str) -> None:
    import pty

    first = "celle de cet essai"
    child, terminal = pty.fork()
    if child == 0:  # the phrase is asked on the terminal itself, not on the standard input
        os.chdir(tmp_path)
        words = "from kobo_sync.cli import main; main()", "recovery", "keygen", "--out", "cle"
        os.execv(sys.executable, [sys.executable, "-c", *words])
    said = ""
    for question, answer in (("rien ne s’affiche", first), ("seconde fois", second)):
        while question not in said:
            said += os.read(terminal, 1000).decode("utf-8", "replace")
        os.write(terminal, f"{answer}\n".encode())
    try:
        while more := os.read(terminal, 1000):
            said += more.decode("utf-8", "replace")
    except OSError:  # how Linux ends a pseudo-terminal
        pass
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(terminal)
    assert said.index("12 caractères au moins") < said.index("Phrase secrète")
    assert first not in said and not any(word in said for word in ("Repeat", "Error", "entered"))
    same = second == first
    assert code == (0 if same else 2) and (tmp_path / "cle").exists() is same, said


def test_a_local_server_is_told_why_there_is_no_recovery_copy(tmp_path: Path) -> None:
    configured(tmp_path, [], url="http://127.0.0.1:8000")
    done = kobo_sync(tmp_path, "init")
    assert done.returncode == 0 and "Pas de copie de secours des clés : aucun responsable inscrit" in done.stdout


def test_a_stranger_opens_nothing_and_confirms_nothing(tmp_path: Path) -> None:
    officers = [officer(tmp_path, "directrice"), officer(tmp_path, "magistrat")]
    config = configured(tmp_path / "serveur", officers)
    init_keys(config)
    copy = write_copy(config, load_keys(config))
    stranger = officer(tmp_path, "ancien")
    with pytest.raises(StoreKeyError, match=r"n’ouvre pas .* écrit pour d’autres responsables"):
        open_copy(copy, read_identities(stranger.file, no_passphrase))
    with pytest.raises(StoreKeyError, match="recovery check"):
        require_drill(config, load_keys(config))
    copy.write_bytes(copy.read_bytes()[:-60])
    with pytest.raises(StoreKeyError, match="coupé ou abîmé"):
        open_copy(copy, read_identities(officers[0].file, no_passphrase))


def test_the_copy_restores_the_keys_wherever_they_lay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    officers = [officer(tmp_path, "directrice"), officer(tmp_path, "magistrat")]
    config = configured(tmp_path / "serveur", officers)
    monkeypatch.setenv("KOBO_SYNC_STORE_KEY", "0a" * 32)
    monkeypatch.setenv("KOBO_SYNC_PSEUDONYM_KEY", "0b" * 32)
    copy = write_copy(config, load_keys(config))
    monkeypatch.delenv("KOBO_SYNC_STORE_KEY")
    monkeypatch.delenv("KOBO_SYNC_PSEUDONYM_KEY")
    new = configured(tmp_path / "nouveau", officers)
    done = kobo_sync(new.path.parent, "recovery", "open", str(copy), "--identity", str(officers[0].file))
    assert done.returncode == 0, done.stderr
    assert load_keys(new) == Keys(bytes([10] * 32), bytes([11] * 32))
    require_drill(new, load_keys(new))
    assert "0a0a0a" not in everything_said(done)

    (new.data_dir / "store.key").unlink()
    (new.data_dir / "store.key").write_text("0c" * 32)
    (new.data_dir / "store.key").chmod(0o600)
    other = kobo_sync(new.path.parent, "recovery", "open", str(copy), "--identity", str(officers[0].file))
    assert other.returncode == 1 and "Une autre clé de la base" in other.stderr
    with pytest.raises(StoreKeyError, match="ne sont pas celles de la copie de secours"):
        require_drill(new, load_keys(new))


def test_a_new_officer_gets_a_new_copy(tmp_path: Path) -> None:
    first, second, third = (officer(tmp_path, name) for name in ("directrice", "magistrat", "relève"))
    config = configured(tmp_path / "serveur", [first, second])
    assert kobo_sync(config.path.parent, "init", "--identity", str(first.file)).returncode == 0
    config = configured(tmp_path / "serveur", [first, third])
    (told,) = recovery_notices(config, load_keys(config))
    assert "Les responsables ont changé" in told and "kobo-sync recovery write" in told
    require_drill(config, load_keys(config))  # the former copy still opens: the night goes on
    assert kobo_sync(config.path.parent, "recovery", "write").returncode == 3
    newest = max(config.data_dir.glob("recovery-*.age"), key=lambda path: path.stat().st_mtime_ns)
    checked = kobo_sync(config.path.parent, "recovery", "check", str(newest), "--identity", str(third.file))
    assert checked.returncode == 0 and "Essai noté pour relève" in checked.stdout
    with pytest.raises(StoreKeyError, match="d’autres responsables"):
        open_copy(newest, read_identities(second.file, no_passphrase))


def test_a_wrong_key_is_seen_by_the_store_and_by_the_drill(tmp_path: Path) -> None:
    place = installed(tmp_path)
    copy = write_copy(place.config, load_keys(place.config))
    (place.config.data_dir / "store.key").unlink()
    (place.config.data_dir / "store.key").write_text("0c" * 32)
    (place.config.data_dir / "store.key").chmod(0o600)
    done = kobo_sync(place.folder, "status")
    assert done.returncode == 1 and "n’ouvre pas la base" in done.stderr and "recovery open COPIE" in done.stderr
    checked = kobo_sync(place.folder, "recovery", "check", str(copy), "--identity", str(place.officers[0].file))
    assert "Ses clés ouvrent la base de cette machine" in checked.stdout
    assert "ne sont pas celles qui servent" in checked.stdout
    with pytest.raises(StoreKeyError, match="recovery open"):
        require_drill(place.config, load_keys(place.config))


def test_a_passphrase_guards_the_identity_that_keygen_makes(tmp_path: Path) -> None:
    short = kobo_sync(tmp_path, "recovery", "keygen", "--out", "cle", KOBO_SYNC_PASSPHRASE="court")
    assert short.returncode == 2 and not (tmp_path / "cle").exists()
    made = kobo_sync(tmp_path, "recovery", "keygen", "--out", "cle", KOBO_SYNC_PASSPHRASE=PASSPHRASE)
    assert made.returncode == 0
    public = made.stdout.split()[-1]
    content = (tmp_path / "cle").read_bytes()
    assert content.startswith(b"-----BEGIN AGE ENCRYPTED FILE-----") and b"SECRET" not in content
    assert (tmp_path / "cle").stat().st_mode & 0o777 == 0o600 or os.name != "posix"
    (identity,) = read_identities(tmp_path / "cle", lambda: PASSPHRASE)
    assert str(identity.to_public()) == public
    with pytest.raises(StoreKeyError, match="phrase secrète n’ouvre pas"):
        read_identities(tmp_path / "cle", lambda: "une autre phrase")
    again = kobo_sync(tmp_path, "recovery", "keygen", "--out", "cle", KOBO_SYNC_PASSPHRASE=PASSPHRASE)
    assert again.returncode == 1 and (tmp_path / "cle").read_bytes() == content
    before_asking = kobo_sync(tmp_path, "recovery", "keygen", "--out", "cle")
    assert before_asking.returncode == 1 and "existe déjà" in before_asking.stderr
    nobody = kobo_sync(tmp_path, "recovery", "keygen", "--out", "autre")
    assert nobody.returncode == 2 and "KOBO_SYNC_PASSPHRASE" in nobody.stderr


@pytest.mark.skipif(os.name != "posix", reason="mode bits")
def test_an_officer_s_key_open_to_others_is_refused(tmp_path: Path) -> None:
    one = officer(tmp_path, "directrice")
    one.file.chmod(0o640)
    with pytest.raises(StoreKeyError, match=r"lisible par d’autres que vous.*chmod 600"):
        read_identities(one.file, no_passphrase)


def test_what_is_no_recovery_copy_says_so(tmp_path: Path) -> None:
    one = officer(tmp_path, "directrice")
    recipient = pyrage.x25519.Recipient.from_str(one.public_key)
    for content in (b"[]", b'{"format": "kobo-sync recovery 1"}', b"\xff", json.dumps({"format": "x"}).encode()):
        (tmp_path / "autre.age").write_bytes(pyrage.encrypt(content, [recipient]))
        with pytest.raises(StoreKeyError, match="n’est pas une copie de secours"):
            open_copy(tmp_path / "autre.age", read_identities(one.file, no_passphrase))


def test_the_configuration_wants_two_officers_and_no_secret_key(tmp_path: Path) -> None:
    one, two = officer(tmp_path, "directrice"), officer(tmp_path, "magistrat")
    secret = one.file.read_text().split()[-1]
    for officers, said in (
        ([{"name": "x", "public_key": one.public_key}], "deux au moins"),
        ([{"name": "x", "public_key": one.public_key}, {"name": "y", "public_key": one.public_key}], "deux fois"),
        ([{"name": "x", "public_key": one.public_key}, {"name": "y", "public_key": secret}], "clé SECRÈTE"),
        ([{"name": "x", "public_key": one.public_key}, {"name": "y", "public_key": "age1oups"}], "commence par « age1"),
    ):
        with pytest.raises(ConfigError) as caught:
            text = configured(tmp_path / "c", [one, two]).path.read_text(encoding="utf-8")
            assert text
            _with_officers(tmp_path / "c", officers)
        assert said in str(caught.value) and secret not in str(caught.value)


def _with_officers(folder: Path, officers: list[dict[str, str]]) -> None:
    import yaml

    from kobo_sync.config import load_config

    path = folder / "config.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8")) | {"recovery": {"officers": officers}}
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    load_config(path)


def test_a_demonstration_needs_no_officer(tmp_path: Path) -> None:
    config = configured(tmp_path, [], "http://127.0.0.1:8000")
    init_keys(config, demo=True)
    require_drill(config, load_keys(config))
    assert recovery_notices(config, load_keys(config)) == []
