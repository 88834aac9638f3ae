"""Keys made, found, lost, open to others, malformed; and the demo's key kept away from real servers."""

import os
import subprocess
from pathlib import Path

import keyring
import keyring.backend
import pytest
import yaml

from kobo_sync.config import Config, load_config
from kobo_sync.errors import StoreKeyError
from kobo_sync.keys import init_keys, is_demo_key, load_keys
from kobo_sync.secret_places import open_to_others
from kobo_sync.windows_sddl import private, readers

COMMITTED = Path(__file__).parent.parent / "config.yaml"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    monkeypatch.delenv("KOBO_SYNC_STORE_KEY", raising=False)
    monkeypatch.delenv("KOBO_SYNC_PSEUDONYM_KEY", raising=False)


def configured(folder: Path, url: str = "https://kobo.example.org", **more: str) -> Config:
    data = yaml.safe_load(COMMITTED.read_text(encoding="utf-8")) | more
    data["sources"][0]["url"] = url
    (folder / "config.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    return load_config(folder / "config.yaml")


def test_init_makes_two_private_keys_and_keeps_them_afterwards(tmp_path):
    config = configured(tmp_path)
    with pytest.raises(StoreKeyError, match="n’existe pas encore — kobo-sync init"):
        load_keys(config)
    assert all("créée" in line for line in init_keys(config))
    keys = load_keys(config)
    assert len(keys.store) == len(keys.pseudonym) == 32 and keys.store != keys.pseudonym
    assert not is_demo_key(keys.store)
    if os.name == "posix":
        assert {p.stat().st_mode & 0o777 for p in config.data_dir.glob("*.key")} == {0o600}
    assert all("gardée" in line for line in init_keys(config))
    assert load_keys(config) == keys
    assert keys.store.hex() not in repr(keys) and str(keys.store) not in repr(keys)


def test_a_demo_key_is_refused_for_a_real_server_even_when_copied(tmp_path, monkeypatch):
    here = configured(tmp_path, "http://127.0.0.1:8000")
    init_keys(here, demo=True)
    keys = load_keys(here)
    assert is_demo_key(keys.store) and is_demo_key(keys.pseudonym)
    with pytest.raises(StoreKeyError, match="démonstration"):
        load_keys(configured(tmp_path))
    (here.data_dir / "store.key").unlink()
    monkeypatch.setenv("KOBO_SYNC_STORE_KEY", keys.store.hex())
    monkeypatch.setenv("KOBO_SYNC_PSEUDONYM_KEY", "ab" * 32)
    with pytest.raises(StoreKeyError, match="démonstration"):
        load_keys(configured(tmp_path))


def test_the_environment_comes_first(tmp_path, monkeypatch):
    config = configured(tmp_path)
    init_keys(config)
    monkeypatch.setenv("KOBO_SYNC_STORE_KEY", "0F" * 32 + "\n")
    assert load_keys(config).store == bytes([15] * 32)


def test_a_lost_key_is_named_and_never_replaced(tmp_path):
    config = configured(tmp_path)
    init_keys(config)
    config.store_path.write_bytes(b"something encrypted")
    (config.data_dir / "store.key").unlink()
    for act in (load_keys, init_keys):
        with pytest.raises(StoreKeyError, match=r"introuvable, alors que la base existe.*copie de secours"):
            act(config)
    assert not (config.data_dir / "store.key").exists()


@pytest.mark.skipif(os.name != "posix", reason="mode bits")
def test_a_key_file_open_to_others_is_refused(tmp_path):
    config = configured(tmp_path)
    init_keys(config)
    (config.data_dir / "pseudonym.key").chmod(0o644)
    with pytest.raises(StoreKeyError, match=r"clé des pseudonymes\) est lisible par d’autres.*chmod 600"):
        load_keys(config)


@pytest.mark.parametrize("text", ["ab" * 31, "zz" * 32, "", "é" * 64])
def test_a_malformed_key_is_refused_unprinted(tmp_path, text):
    config = configured(tmp_path)
    init_keys(config)
    (config.data_dir / "store.key").write_text(text, encoding="utf-8")
    with pytest.raises(StoreKeyError, match=r"mal écrite|texte simple") as caught:
        load_keys(config)
    assert not text or text not in str(caught.value)


class OneKeyring(keyring.backend.KeyringBackend):
    """A keyring of the operating system's kind, in memory."""

    priority = 1

    def __init__(self):
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        del self.kept[service, username]


def test_the_keyring_is_read_when_the_configuration_names_it(tmp_path):
    before = keyring.get_keyring()
    keyring.set_keyring(OneKeyring())
    try:
        keyring.set_password("kobo-sync", "anltp/store", "01" * 32)
        keyring.set_password("kobo-sync", "anltp/pseudonym", "02" * 32)
        keys = load_keys(configured(tmp_path, key_keyring="anltp"))
    finally:
        keyring.set_keyring(before)
    assert (keys.store[0], keys.pseudonym[0]) == (1, 2)


def test_a_machine_without_keyring_says_so(tmp_path):
    from keyring.backends.fail import Keyring

    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())
    try:
        with pytest.raises(StoreKeyError, match="trousseau du système ne répond pas"):
            load_keys(configured(tmp_path, key_keyring="anltp"))
    finally:
        keyring.set_keyring(before)


@pytest.mark.skipif(os.name != "posix", reason="mode bits")
def test_a_key_that_the_system_refuses_says_which_account_to_use(tmp_path):
    config = configured(tmp_path)
    (config.data_dir / "store.key").mkdir(parents=True, mode=0o700)
    (config.data_dir / "store.key").chmod(0o700)
    with pytest.raises(StoreKeyError, match=r"clé de la base\) est illisible.*compte"):
        load_keys(config)


def test_a_spoilt_key_names_the_command_that_puts_it_back(tmp_path):
    config = configured(tmp_path)
    init_keys(config)
    (config.data_dir / "store.key").write_text("ab" * 31)
    with pytest.raises(StoreKeyError, match=r"retirez-la de là, puis .*kobo-sync recovery open COPIE --identity"):
        load_keys(config)


# What Windows answers, in SDDL, for files of one account: the same text whatever the language, where icacls prints
# « BUILTIN\Utilisateurs:(I)(RX) » or « BUILTIN\Users:(I)(RX) ».
ME, COLLEAGUE = "S-1-5-21-1004336348-1177238915-682003330-1001", "S-1-5-21-1004336348-1177238915-682003330-1002"
INHERITED = f"D:AI(A;ID;FA;;;BA)(A;ID;FA;;;SY)(A;ID;0x1200a9;;;BU)(A;ID;0x1301bf;;;AU)(A;ID;FA;;;{ME})"


@pytest.mark.parametrize(
    ("sddl", "found"),
    [
        (private(ME), []),
        (f"O:{ME}G:{ME}D:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;{ME})S:AI(AU;SAFA;FA;;;WD)", []),
        (f"D:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;FA;;;{ME})", []),  # a file of one's own profile
        (INHERITED, ["S-1-5-32-545", "S-1-5-11"]),  # a folder made at the root of the disk
        (f"D:P(A;;FA;;;{ME})(A;;FR;;;WD)", ["S-1-1-0"]),
        (f"D:P(A;;FA;;;{ME})(A;;GR;;;{COLLEAGUE})", [COLLEAGUE]),
        (f"D:P(A;;FA;;;{ME})(A;;WD;;;{COLLEAGUE})", [COLLEAGUE]),  # may give herself the right
        (f"D:P(A;;FA;;;{ME})(A;;0x100000;;;WD)(A;;RC;;;BU)", []),  # may know that it exists, not read it
        (f"D:P(D;;FA;;;WD)(A;;FA;;;{ME})", []),
        (f"D:P(A;OICIIO;FA;;;BU)(A;;FA;;;{ME})", []),  # for what lies below only
        (f'D:P(XA;;FR;;;WD;(@User.Title=="x"))(A;;FA;;;{ME})', ["S-1-1-0"]),
        (f"D:P(A;;FA;;;{COLLEAGUE})", [COLLEAGUE]),
        ("D:NO_ACCESS_CONTROL", ["S-1-1-0"]),
        ("O:BAG:SY", ["S-1-1-0"]),
    ],
)
def test_the_access_list_of_windows_tells_who_else_reads_a_file(sddl, found):
    assert readers(sddl, ME) == found


@pytest.mark.skipif(os.name != "nt", reason="access lists of Windows")
def test_a_key_file_on_windows_is_closed_when_made_and_refused_when_open(tmp_path):
    config = configured(tmp_path)
    init_keys(config)
    path = config.data_dir / "store.key"
    assert open_to_others(path) == ""
    subprocess.run(["icacls", str(path), "/grant", "*S-1-1-0:R"], check=True, capture_output=True)
    with pytest.raises(StoreKeyError, match=r"lisible par d’autres.*icacls.*S-1-1-0"):
        load_keys(config)
