"""What `kobo-sync health` tells a person: how the last night went, since when, what waits, and what to type."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from kobo_sync import health
from kobo_sync.config import Config
from kobo_sync.words import FR

_STATES = {health.FINE: "Tout va bien.", health.FAILED: "À réparer.", health.NEEDS_PEOPLE: "Quelque chose attend."}
_COUNTS = ("received", "new", "changed", "deleted", "written")
_ENDS = {0: "bien", 1: "par un échec", 3: "bien, et quelque chose attend une personne"}


def sentences(config: Config, code: int, why: str, now: datetime) -> list[str]:
    """French lines, the verdict first. Nothing that `health.json` doesn't hold."""
    content = health.read(config)
    zone = ZoneInfo(config.timezone)

    def at(name: str) -> str:
        found = health.when(content, name)
        return f"{found.astimezone(zone):%d/%m/%Y à %H:%M}" if found else ""

    lines = [_STATES.get(code, _STATES[health.FAILED])]
    if code != health.FINE:
        lines[0] += f" {why[:1].upper()}{why[1:]}"
    if running := at("running_since"):
        lines.append(f"Un travail est en cours depuis le {running}.")
    if ended := at("last_end"):
        how = _ENDS.get(content.get("exit_code", 1), _ENDS[1])
        lines.append(f"Dernier travail : du {at('last_start') or '?'} au {ended}, fini {how}{_numbers(content)}.")
        success = at("last_success")
        if content.get("exit_code") not in (health.FINE, health.NEEDS_PEOPLE):
            lines.append(f"Dernier travail réussi : {success}." if success else "Aucun travail n’a encore réussi ici.")
    lines += _listed("Ce qui a échoué :", content.get("problems"))
    lines += _listed("Ce qui attend une personne :", content.get("for_people"))
    backup = content.get("backup")
    if isinstance(backup, dict) and at_backup(backup, zone):
        lines.append(f"Sauvegarde {'manquée' if backup.get('error') else 'faite'} le {at_backup(backup, zone)}.")
    elif not config.recovery.officers:
        lines.append("Aucune sauvegarde : aucun responsable n’est inscrit (docs/sauvegardes.md).")
    if config.mail is None:
        lines.append("Aucun courrier : personne n’est prévenu d’une nuit qui échoue (mail: dans config.yaml).")
    lines.append(f"Prochaine nuit : {health.planned_after(config, now):%d/%m/%Y à %H:%M}, si l’ordonnanceur tourne.")
    return lines


def at_backup(backup: dict[str, Any], zone: ZoneInfo) -> str:
    """When a backup was last tried; empty when it is not known."""
    found = health.when(backup, "failed_at" if backup.get("error") else "at")
    return f"{found.astimezone(zone):%d/%m/%Y à %H:%M}" if found else ""


def _numbers(content: dict[str, Any]) -> str:
    counts = content.get("counts")
    told = [f"{FR[name].lower()} : {counts[name]}" for name in _COUNTS if name in counts] if counts else []
    return f" ({' ; '.join(told)})" if told else ""


def _listed(heading: str, lines: object) -> list[str]:
    if not isinstance(lines, list) or not lines:
        return []
    return ["", heading, *(f"  • {health.safe(str(line))}" for line in lines), ""]
