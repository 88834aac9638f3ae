"""Where the store may lie: on a disk of this machine, in a folder that no service copies away and nobody else reads.

SQLite's journal (WAL) needs memory shared between the processes that open the file: over a network it is unsafe, and a
service that synchronises a folder copies the file and its journal at different moments, to servers elsewhere.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path

from kobo_sync.errors import StoreError

_NETWORK = {
    "nfs", "nfs3", "nfs4", "cifs", "smb3", "smbfs", "smb2", "afs", "ncpfs", "9p", "drvfs", "davfs", "ceph", "lustre",
    "beegfs", "glusterfs", "ocfs2", "gfs2", "vboxsf", "prl_fs", "fuse.vmhgfs-fuse", "fuse.sshfs", "fuse.rclone",
    "fuse.davfs2", "fuse.s3fs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.ceph", "fuse.onedriver", "fuse.smbnetfs",
    "fuse.google-drive-ocamlfuse", "fuse.curlftpfs", "fuse.cifs",
}  # fmt: skip
_SYNCHRONISED = (
    ("OneDrive", re.compile(r"onedrive( - .*|-.*)?", re.IGNORECASE)),
    ("Dropbox", re.compile(r"dropbox( \(.*\))?", re.IGNORECASE)),
    ("Google Drive", re.compile(r"google ?drive.*|my drive|mon drive|drivefs", re.IGNORECASE)),
    ("Nextcloud", re.compile(r"(nextcloud|owncloud)\d*", re.IGNORECASE)),
    ("iCloud", re.compile(r"icloud ?drive|com~apple~clouddocs|mobile documents", re.IGNORECASE)),
    ("Syncthing", re.compile(r"syncthing", re.IGNORECASE)),
)
_MARKERS = (
    ("Dropbox", (".dropbox", ".dropbox.cache")),
    ("Google Drive", (".tmp.drivedownload", ".tmp.driveupload")),
    ("Nextcloud", (".sync_*.db", "._sync_*.db", ".nextcloudsync.log", ".owncloudsync.log")),
    ("Syncthing", (".stfolder",)),
)
_REMOTE_DRIVE = 4
"""Windows' DRIVE_REMOTE."""


def network_file_system(folder: Path, mounts: str | None = None) -> str | None:
    """Kind of the network file system that holds `folder`; None on a disk of this machine.

    `mounts` is the text of /proc/mounts. Where neither it nor Windows tells (macOS), None.
    """
    if sys.platform == "win32":
        return _windows_network(folder)
    if mounts is None:
        try:
            mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
    place = folder.resolve()
    found: tuple[int, str, str] = (-1, "", "")
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code.group(1), 8)), fields[1])
        if place.is_relative_to(point) and len(point) >= found[0]:  # mounted last lies on top
            found = (len(point), point, fields[2])
    _, point, kind = found
    if kind == "9p" and point == "/":  # the root of some containers: their own disk, however it is brought
        return None
    return kind if kind in _NETWORK else None


def _windows_network(folder: Path) -> str | None:
    text = str(folder.absolute())
    if text.startswith("\\\\") and not text.startswith(("\\\\?\\", "\\\\.\\")):
        return "partage réseau"
    if sys.platform == "win32":
        import ctypes

        if ctypes.windll.kernel32.GetDriveTypeW(f"{folder.absolute().anchor}") == _REMOTE_DRIVE:
            return "lecteur réseau"
    return None


def synchronising_service(folder: Path) -> str | None:
    """The service that copies `folder` elsewhere, by its name on the way or by the files it leaves there."""
    place = folder.absolute()
    for variable in ("OneDrive", "OneDriveCommercial", "OneDriveConsumer"):
        root = os.environ.get(variable)
        if root and place.is_relative_to(root):
            return "OneDrive"
    for part in place.parts:
        for service, pattern in _SYNCHRONISED:
            if pattern.fullmatch(part):
                return service
    try:
        home = Path.home()  # ~/.dropbox is there wherever the synchronised folder is
    except RuntimeError:  # a service's account without a home
        home = None
    for parent in (place, *place.parents):
        if parent == home:
            continue
        for service, names in _MARKERS:
            for name in names:
                try:
                    if next(parent.glob(name), None) is not None:
                        return service
                except OSError:  # a folder above that we may not list
                    continue
    return None


def refuse_unsafe(folder: Path) -> None:
    """Raises StoreError where a store would be damaged, or copied to somebody else's server."""
    if kind := network_file_system(folder):
        raise StoreError(
            f"Le dossier {folder} est sur un réseau ({kind}) : la base s’y abîmerait",
            "donnez à data_dir un dossier d’un disque de cette machine ; les sauvegardes peuvent aller ailleurs",
        )
    if service := synchronising_service(folder):
        raise StoreError(
            f"Le dossier {folder} est copié ailleurs par {service} : la base s’y abîmerait et en sortirait",
            "donnez à data_dir un dossier qu’aucun service ne synchronise ; pour une copie : kobo-sync backup",
        )


def there(folder: Path) -> Path:
    """The folder, or the one that it will be made in."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def on_read_only_disk(folder: Path) -> bool:
    """Whether its file system is mounted read-only. Windows does not say: False."""
    if sys.platform == "win32":
        return False
    try:
        return bool(os.statvfs(there(folder)).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def close_to_others(path: Path) -> None:
    """Take away the rights that group and others have on a file or folder of ours. Nothing to do on Windows.

    Raises StoreError when it belongs to another account, or is a folder shared by all (/tmp).
    """
    if os.name != "posix":
        return
    try:
        now = path.stat()
    except FileNotFoundError:
        return
    if not stat.S_IMODE(now.st_mode) & 0o077:
        return
    is_folder = stat.S_ISDIR(now.st_mode)
    if is_folder and now.st_mode & stat.S_ISVTX:
        raise StoreError(f"Le dossier {path} est commun à tous les comptes", "donnez à data_dir un dossier à lui")
    try:
        path.chmod(stat.S_IMODE(now.st_mode) & 0o700)
    except OSError:
        mode = 700 if is_folder else 600
        raise StoreError(
            f"« {path} » est ouvert à d’autres et appartient à un autre compte",
            f"faites-le vôtre (chown), puis chmod {mode} '{path}'",
        ) from None
