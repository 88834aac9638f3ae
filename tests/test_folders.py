"""The store stays on a disk of this machine, out of folders that a service copies, closed to others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kobo_sync.errors import StoreError
from kobo_sync.folders import close_to_others, network_file_system, refuse_unsafe, synchronising_service
from kobo_sync.store import Store
from tests.store_fixture import KEY

linux = pytest.mark.skipif(not Path("/proc/mounts").exists(), reason="mounts are read from /proc on Linux")


@linux
@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("srv:/a {} nfs4 rw 0 0", "nfs4"),
        ("//srv/a {} cifs rw 0 0", "cifs"),
        ("user@srv:/a {} fuse.sshfs rw 0 0", "fuse.sshfs"),
        ("C: {} 9p rw 0 0", "9p"),
        ("/dev/sdb1 {} ext4 rw 0 0", None),
        ("tmpfs {} tmpfs rw 0 0", None),
        ("", None),
    ],
)
def test_a_network_file_system_is_known_by_the_mount_that_holds_the_folder(
    tmp_path: Path, line: str, found: str | None
) -> None:
    shared = tmp_path / "un dossier"
    mounts = "/dev/sda1 / ext4 rw 0 0\nsrv:/else /nowhere nfs rw 0 0\n" + line.format(str(shared).replace(" ", "\\040"))
    assert network_file_system(shared / "data", mounts) == found
    assert network_file_system(tmp_path / "un dossier voisin", mounts) is None


@linux
def test_the_mount_on_top_decides(tmp_path: Path) -> None:
    mounts = f"srv:/a {tmp_path} nfs rw 0 0\n/dev/sdb1 {tmp_path}/disk ext4 rw 0 0\n/dev/sdc1 {tmp_path} ext4 rw 0 0\n"
    assert network_file_system(tmp_path / "x", mounts) is None
    assert network_file_system(tmp_path / "x", mounts.rpartition("/dev/sdc1")[0]) == "nfs"
    assert network_file_system(tmp_path / "disk" / "x", mounts) is None
    assert network_file_system(tmp_path, "none / 9p rw 0 0\n") is None


@pytest.mark.parametrize(
    ("folder", "service"),
    [
        ("OneDrive", "OneDrive"),
        ("OneDrive - ANLTP Niger", "OneDrive"),
        ("Dropbox (ANLTP)", "Dropbox"),
        ("GoogleDrive-agent", "Google Drive"),
        ("Mon Drive", "Google Drive"),
        ("Nextcloud", "Nextcloud"),
        ("iCloudDrive", "iCloud"),
        ("Mobile Documents", "iCloud"),
        ("dropbox-refus", None),
        ("travail", None),
    ],
)
def test_a_synchronised_folder_is_known_by_its_name(tmp_path: Path, folder: str, service: str | None) -> None:
    assert synchronising_service(tmp_path / folder / "base") == service


@pytest.mark.parametrize(
    ("marker", "service"),
    [(".dropbox.cache", "Dropbox"), (".tmp.drivedownload", "Google Drive"), (".sync_0a1b.db", "Nextcloud"),
     (".stfolder", "Syncthing")],
)  # fmt: skip
def test_a_synchronised_folder_is_known_by_what_the_service_leaves(tmp_path: Path, marker: str, service: str) -> None:
    (tmp_path / "base").mkdir()
    assert synchronising_service(tmp_path / "base" / "data") is None
    (tmp_path / marker).mkdir()
    assert synchronising_service(tmp_path / "base" / "data") == service


def test_dropbox_settings_in_the_home_folder_are_no_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".dropbox").mkdir()
    assert synchronising_service(tmp_path / "base") == "Dropbox"
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    assert synchronising_service(tmp_path / "base") is None


def test_windows_tells_where_onedrive_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OneDriveCommercial", str(tmp_path / "ANLTP"))
    assert synchronising_service(tmp_path / "ANLTP" / "base") == "OneDrive"
    assert synchronising_service(tmp_path / "autre") is None


def test_no_store_is_made_in_a_synchronised_folder(tmp_path: Path) -> None:
    folder = tmp_path / "OneDrive" / "base"
    said = r"copié ailleurs par OneDrive .* — donnez à data_dir .* kobo-sync backup"
    with pytest.raises(StoreError, match=said):
        Store.open(folder / "anltp.db", KEY)
    assert not folder.exists()
    refuse_unsafe(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="mode bits are POSIX's")
def test_files_that_others_could_read_are_closed_when_the_store_opens(tmp_path: Path) -> None:
    path = tmp_path / "anltp.db"
    path.touch(0o644)
    path.chmod(0o666)
    with Store.open(path, KEY):
        files = sorted(tmp_path.glob("anltp.db*"))
        assert len(files) == 3 and {file.stat().st_mode & 0o777 for file in files} == {0o600}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="making another account's file needs root")
def test_a_file_of_another_account_that_cannot_be_closed_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    file = tmp_path / "anltp.db"
    file.touch()
    file.chmod(0o644)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # another account, which may see the file and not change its mode
        try:
            os.chdir(tmp_path)
            os.setuid(65534)
            close_to_others(Path(file.name))
        except StoreError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    assert "appartient à un autre compte — faites-le vôtre (chown), puis chmod 600" in os.read(reader, 2000).decode()
    os.close(reader)
