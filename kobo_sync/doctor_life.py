"""What keeps an installation alive: the last night, the recovery drill, the backups, the mail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from kobo_sync.config import Config
from kobo_sync.doctor import Check, Finding, bad, good, warn

_BACKUP_AGE = timedelta(hours=36)
_DOWN = "kobo-sync backup (et chaque nuit : kobo-sync nightly)"


def checks(config: Config, now: datetime, send_test_mail: bool) -> list[tuple[str, Check]]:
    """Every check of what goes on from night to night."""
    return [
        ("dernière nuit", lambda: _last_night(config, now)),
        ("copie de secours des clés", lambda: _recovery(config)),
        ("sauvegarde", lambda: _backup(config, now)),
        ("dernier courrier", lambda: _last_mail(config, now)),
        ("courrier", lambda: _mail(config, now, send_test_mail)),
    ]


def _last_night(config: Config, now: datetime) -> Iterator[Finding]:
    from kobo_sync import health

    code, said = health.verdict(config, now)
    said, _, remedy = said.partition(" : ")
    ended = health.when(health.read(config), "last_end")
    text = f"{said} (fin le {ended.astimezone(now.tzinfo):%d/%m/%Y à %H:%M})" if ended else said
    if code == 0:
        yield good("dernière nuit", text)
    elif ended is None or code == 3:
        yield warn("dernière nuit", text, remedy or "kobo-sync status")
    else:
        yield bad("dernière nuit", text, remedy or "kobo-sync nightly --once")


def _recovery(config: Config) -> Iterator[Finding]:
    from kobo_sync.keys import load_keys
    from kobo_sync.recovery import recovery_notices, wants_copy

    keys = load_keys(config)
    if not wants_copy(config, keys):
        why = (
            "démonstration"
            if keys.demo
            else "serveurs de cette machine ; à faire avant de vrais cas (docs/sauvegardes.md)"
        )
        yield good("copie de secours des clés", f"pas nécessaire : {why}")
        return
    notices = recovery_notices(config, keys)
    for notice in notices:
        text, _, remedy = notice.partition(" : ")
        yield warn("copie de secours des clés", text, remedy or "kobo-sync init")
    if not notices:
        yield good("copie de secours des clés", "faite, et ouverte lors de l’exercice")


def _backup(config: Config, now: datetime) -> Iterator[Finding]:
    from kobo_sync.addresses import is_loopback
    from kobo_sync.backup import backup_folder, last_backup

    last = last_backup(config)
    if last is None and not config.recovery.officers and all(is_loopback(source.url) for source in config.sources):
        # A demonstration: nobody could open a backup, and nothing in it is real.
        yield good("sauvegarde", "aucune, sans responsable inscrit (recovery.officers) ; à faire avant de vrais cas")
        return
    if last is None:
        yield warn("sauvegarde", f"aucune dans {backup_folder(config)}", _DOWN)
        return
    age = now - last
    text = f"la dernière a {age.days * 24 + age.seconds // 3600} h (dossier {backup_folder(config)})"
    yield good("sauvegarde", text) if age <= _BACKUP_AGE else warn("sauvegarde", text, _DOWN)
    if same_disk(backup_folder(config), config.data_dir):
        yield warn(
            "sauvegarde",
            "sur le même disque que la base : une panne ou un vol emporterait les deux",
            f"un autre disque dans backup.folder (config.yaml), et une copie ailleurs de {backup_folder(config)}",
        )


def same_disk(one: Path, other: Path) -> bool:
    """Whether two folders, there or still to be made, lie on one disk."""
    return _device(one) == _device(other)


def _device(folder: Path) -> int:
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return there.stat().st_dev


def _last_mail(config: Config, now: datetime) -> Iterator[Finding]:
    from kobo_sync import health

    content = health.read(config).get("mail")
    if config.mail is None or not isinstance(content, dict) or not content.get("error"):
        return
    failed = health.when(content, "failed_at")
    at = f" le {failed.astimezone(now.tzinfo):%d/%m/%Y à %H:%M}" if failed else ""
    yield warn(
        "dernier courrier",
        f"n’est pas parti{at} ({health.safe(str(content['error']))}) ; il le sera après la prochaine nuit",
        "kobo-sync doctor --send-test-mail",
    )


def _mail(config: Config, now: datetime, send_test_mail: bool) -> Iterator[Finding]:
    from kobo_sync import mail

    if config.mail is None:
        yield warn(
            "courrier", "aucun : personne ne sera prévenu d’une nuit qui échoue", "remplissez mail: dans config.yaml"
        )
        return
    if send_test_mail:
        subject, text = "Essai de kobo-sync doctor", "Ce message d’essai montre que le courrier de la nuit arrive.\n"
        mail.send(config.mail, subject, text, now)
        yield good(
            "courrier", f"message d’essai confié à {config.mail.host} pour {len(config.mail.to)} destinataire(s)"
        )
        return
    mail.check(config.mail)
    yield good("courrier", f"{config.mail.host} répond, le compte est accepté (rien n’a été envoyé)")
