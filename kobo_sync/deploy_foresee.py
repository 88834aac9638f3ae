"""What deploying a form would do to answers already collected, looked at before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kobo_sync import forms, forms_agree
from kobo_sync.client import KoboClient
from kobo_sync.errors import FormError
from kobo_sync.form_changes import Change, compare, of_content, of_workbook


@dataclass(frozen=True)
class Foreseen:
    """The changes between what phones have and the new release, and whether answers are there to be left behind."""

    changes: tuple[Change, ...] = ()
    collected: bool = False

    @property
    def needs_yes(self) -> bool:
        """Whether a person must agree first."""
        return self.collected and any(change.orphans for change in self.changes)


def foresee(client: KoboClient, asset: Mapping[str, Any] | None, xlsx: Path) -> Foreseen:
    """Compare the version that phones have, not the newest one imported, with the form of `xlsx`."""
    if asset is None or not asset.get("has_deployment"):
        return Foreseen()
    content = asset.get("content") or {}
    deployed = asset.get("deployed_version_id")
    if deployed and deployed != asset.get("version_id"):
        content = client.version(str(asset["uid"]), str(deployed)).get("content") or {}
    # Kobo gives no count to somebody limited to some rows: there may be answers.
    return Foreseen(
        tuple(compare(of_content(content), of_workbook(xlsx))), asset.get("deployment__submission_count") != 0
    )


def refuse_faults() -> None:
    """Raises FormError, naming each fault of the forms that `forms check` would say; its warnings stop nothing."""
    found = [problem for form in forms.FORMS for problem in forms.check(form, forms.FOLDER) if not problem.warning]
    # What cannot be read or built cannot be compared with what reads it.
    found = found or [problem for problem in forms_agree.agree(forms.FOLDER) if not problem.warning]
    if not found:
        return
    unbuilt = [problem for problem in found if problem.where == f"{problem.form}.xlsx"]
    lines = dict.fromkeys(f"\n  • {problem.form} · {problem.where} : {problem.message}" for problem in found)
    raise FormError(
        f"Les fiches ont des fautes, rien n’a été envoyé :{''.join(lines)}\nÀ faire",
        "sources modifiées : kobo-sync forms build, puis relancez"
        if len(unbuilt) == len(found)
        else "corrigez ces points, puis kobo-sync forms build et kobo-sync forms check",
    )


def refuse_orphans(form: str, foreseen: Foreseen, again: str = "kobo-sync forms deploy --yes") -> None:
    """Raises FormError, with the list, when the change leaves answers behind and nobody has agreed to it.

    `again`: the command that accepts it.
    """
    if foreseen.needs_yes:
        lines = "".join(f"\n  • {change.text}" for change in foreseen.changes if change.orphans)
        raise FormError(
            f"La nouvelle version de {form} laisserait de côté des réponses déjà reçues :{lines}\nÀ faire",
            f"revenez sur ces changements, ou acceptez-les : {again}",
        )
