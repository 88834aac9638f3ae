"""Putting a form on a Kobo server, or its next release: import, attached files, deployment.

Done as often as one likes: what is already there is left alone. A deployed form is never archived, replaced by another
or given to phones without its files.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from kobo_sync.client import KoboClient
from kobo_sync.config import SourceConfig
from kobo_sync.deploy_foresee import foresee, refuse_orphans
from kobo_sync.errors import FormError, NotFoundError, ServerError
from kobo_sync.transport import wait

NAMES = {
    "traite": "Traite des personnes",
    "trafic": "Trafic illicite de migrants",
    "suivi": "Suivi d’un cas",
    "fournisseur": "Fournisseur de données",
    "declaration": "Déclaration trimestrielle",
}
"""What the project is called on the server and the form on phones; also how ours is found again there."""

_POLLS, _PAUSE = 60, 2.0
"""A busy server may take two minutes to import (seconds between two looks)."""


@dataclass(frozen=True)
class DeployReport:
    """The form's identifier on the server, to be noted in the configuration, and what was done."""

    uid: str
    action: Literal["created", "updated", "reopened", "unchanged"]


def deploy(
    client: KoboClient,
    source: SourceConfig,
    form: str,
    xlsx: Path,
    media: Mapping[str, bytes],
    *,
    accept_orphans: bool = False,
    sleep: Callable[[float], None] = wait,
) -> DeployReport:
    """Make the server's form the one of `xlsx`, with its attached files by name.

    The form is looked for by the identifier of the configuration, else by its name among our own, so that a
    deployment that was interrupted, or whose identifier was not noted, is taken up again. Raises FormError for a form
    that can't be deployed, or that would leave collected answers behind without `accept_orphans`, ServerError and its
    kin for the server.
    """
    release = _release_of(xlsx, form)
    client.whoami()
    asset = find(client, source, form)
    created = asset is None
    if not accept_orphans:
        refuse_orphans(form, foresee(client, asset, xlsx))
    if asset is None or _release_on_server(asset) != release:
        uid = _import(client, form, xlsx, None if asset is None else str(asset["uid"]), sleep)
        asset = client.asset(uid)
    uid = str(asset["uid"])
    files_changed = _bring_media(client, uid, media)
    if not created and not files_changed and _is_live(asset):
        return DeployReport(uid, "unchanged")
    first = not asset.get("has_deployment")
    archived = not first and not asset.get("deployment__active")
    try:
        if first:
            client.deploy(uid)
        else:
            # Naming the version is what hands the files to the phones, and revives a form that someone archived.
            client.redeploy(uid, str(client.asset(uid)["version_id"]))
    except ServerError as error:
        if type(error) is not ServerError:  # not the form's fault: no right, no answer
            raise
        raise FormError(
            f"Le formulaire {form} est importé mais ne se déploie pas : {error.message}",
            "corrigez le formulaire (kobo-sync forms check), puis relancez kobo-sync forms deploy",
        ) from None
    return DeployReport(uid, "created" if first else "reopened" if archived else "updated")


def find(client: KoboClient, source: SourceConfig, form: str) -> dict[str, Any] | None:
    """The form on the server, by the identifier of the configuration or by its name; None when it is not there.

    Raises FormError when what is found is not that form, or belongs to somebody else without being noted.
    """
    known = source.forms.get(form)
    key = f"sources ({source.name}).forms.{form}"
    if known:
        try:
            return _recognised(client.asset(known), form, key)
        except NotFoundError:
            raise FormError(
                f"{key} : le formulaire {known} n’est pas sur {client.url}, ou le compte {client.whoami()} ne le voit "
                "pas",
                "corrigez l’identifiant, ou déployez avec le jeton du propriétaire (--token-env NOM) ; "
                "videz-le seulement si le projet n’existe plus",
            ) from None
    owners = client.owners(NAMES[form])
    found = [uid for uid, owner in owners.items() if owner == client.whoami()]
    if owners and not found:
        # A second project would split the cases between two forms of one name.
        named = ", ".join(f"{uid} (propriétaire : {owner})" for uid, owner in owners.items())
        raise FormError(
            f"{key} est vide, mais un projet « {NAMES[form]} » existe déjà sur {client.url} et appartient à un autre "
            f"compte que {client.whoami()} : {named}",
            f"écrivez {form}: {next(iter(owners))} sous forms, et déployez avec le jeton du propriétaire "
            "(--token-env NOM)",
        )
    if len(found) > 1:
        raise FormError(
            f"{len(found)} projets s’appellent « {NAMES[form]} » sur {client.url} : {', '.join(found)}",
            f"notez le bon dans la configuration : sources ({source.name}).forms.{form}",
        )
    return _recognised(client.asset(found[0]), form, key) if found else None


def _recognised(asset: dict[str, Any], form: str, key: str) -> dict[str, Any]:
    """The project, if it is that form: an identifier copied to the wrong line would put one form over another."""
    uid, carried = str(asset["uid"]), _release_on_server(asset).rpartition("-")[0]
    if carried == form:
        return asset
    if carried:
        raise FormError(
            f"{key} : le projet {uid} porte la fiche {carried}, pas {form}",
            f"corrigez la clé {key} (les identifiants de {form} et de {carried} sont peut-être échangés)",
        )
    raise FormError(
        f"{key} : le projet {uid} (« {asset.get('name')} ») n’a pas la question form_release ; il n’a pas été fait "
        "avec nos fiches",
        f"si c’est bien la fiche {form}, remplacez-y le formulaire dans Kobo par {form}.xlsx, puis relancez ; sinon "
        "corrigez l’identifiant, ou renommez ce projet et laissez la clé vide pour en créer un",
    )


def _import(client: KoboClient, form: str, xlsx: Path, uid: str | None, sleep: Callable[[float], None]) -> str:
    """Import the spreadsheet (over `uid` if given) and wait for its end; the form's identifier."""
    task = client.import_xlsform(NAMES[form], xlsx.read_bytes(), uid)
    for _ in range(_POLLS):
        state = client.import_state(task)
        messages = state.get("messages") or {}
        if state.get("status") == "complete":
            done = messages.get("created") or messages.get("updated") or []
            if len(done) == 1:
                return str(done[0]["uid"])
            raise FormError(
                f"L’importation de {xlsx.name} n’a donné aucun formulaire", "vérifiez le projet sur le serveur"
            )
        if state.get("status") == "error":
            raise FormError(
                f"Le serveur n’a pas pu importer {xlsx.name} : {str(messages.get('error', 'sans motif'))[:300]}",
                "corrigez le formulaire (kobo-sync forms check)",
            )
        sleep(_PAUSE)
    raise FormError(
        f"L’importation de {xlsx.name} n’en finit pas", "relancez kobo-sync forms deploy dans quelques minutes"
    )


def _bring_media(client: KoboClient, uid: str, media: Mapping[str, bytes]) -> bool:
    """Upload the files that are missing or differ; whether one was, or was once without being handed to phones."""
    changed = False
    there = {str(file.get("metadata", {}).get("filename")): file for file in client.media(uid)}
    for name, content in media.items():
        file = there.get(name)
        if file is not None and file["metadata"].get("hash") == f"md5:{_md5(content)}":
            continue
        if file is not None:
            client.remove_media(uid, str(file["uid"]))  # the server takes no second file of that name
        client.upload_media(uid, name, content, "audio/mp4" if name.endswith(".m4a") else "text/csv")
        changed = True
    return changed


def _is_live(asset: Mapping[str, Any]) -> bool:
    """Whether phones have the newest version with the newest files."""
    deployed_at = str(asset.get("date_deployed") or "")
    # A run killed between upload and redeployment leaves a file younger than the deployment. Both are UTC instants
    # that the server wrote in one format, so text order is time order.
    uploads = [str(file.get("date_created") or "") for file in asset.get("files") or []]
    return (
        bool(asset.get("deployment__active"))
        and asset.get("version_id") == asset.get("deployed_version_id")
        and all(uploaded <= deployed_at for uploaded in uploads)
    )


def _release_of(xlsx: Path, form: str) -> str:
    """Content version that a built form carries in its `form_release` question."""
    try:
        workbook = load_workbook(xlsx, read_only=True)
    except FileNotFoundError:
        raise FormError(f"{xlsx} n’existe pas", "kobo-sync forms build") from None
    except (InvalidFileException, zipfile.BadZipFile, KeyError):
        raise FormError(f"{xlsx} n’est pas un classeur XLSX", "kobo-sync forms build") from None
    try:
        rows = workbook["survey"].iter_rows(values_only=True) if "survey" in workbook.sheetnames else iter(())
        header = [str(cell) for cell in next(rows, ())]
        for row in rows:
            question = dict(zip(header, row, strict=False))
            release = _quoted(question.get("calculation"))
            if question.get("name") == "form_release" and release.startswith(f"{form}-"):
                return release
    finally:
        workbook.close()
    raise FormError(f"{xlsx} n’a pas de question form_release pour le formulaire {form}", "kobo-sync forms build")


def _release_on_server(asset: Mapping[str, Any]) -> str:
    survey = (asset.get("content") or {}).get("survey") or []
    return next((_quoted(row.get("calculation")) for row in survey if row.get("name") == "form_release"), "")


def _quoted(calculation: Any) -> str:
    found = re.fullmatch(r"\s*['\"](.*)['\"]\s*", str(calculation or ""))
    return found.group(1) if found else ""


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
