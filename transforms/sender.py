"""Who sent a submission, held against the list of bodies and accounts: seen by the right people, names, account.

The phone worked with the list it had on that day, and a submission can be written without the form: what it says of
its body is compared with ANLTP's list.
"""

from __future__ import annotations

from collections.abc import Mapping

from transforms.models import Finding, Mapped, ShownTo
from transforms.register import Provider

MISPLACED = "entity_family_differs"
NOT_ALLOWED = "name_not_allowed"
OTHER_ACCOUNT = "account_entity_differs"
_TOLD = ("name_left_in_kobo", "name_not_erased")


def misplaced(shown_to: ShownTo, provider: Provider | None, submission_key: str, case_code: str | None
              ) -> list[Finding]:  # fmt: skip
    """A row that Kobo shows by another region or family than those of its body. Unlisted bodies have a rule already."""
    if provider is None:
        return []
    compared = {
        "région": (shown_to.region_phone, provider.region),
        "famille": (shown_to.family_phone, provider.family),
    }
    wrong = [what for what, (said, known) in compared.items() if said and said != known]
    if not wrong:
        return []
    message = (
        f"L’organisme de la fiche n’a pas dans la liste la même {' ni la même '.join(wrong)} que dans la fiche : dans "
        "Kobo, elle est montrée à d’autres relecteurs que les siens. Corriger « entite », ou, si la liste a changé, "
        "refaire « forms deploy » et corriger region_decl et famille_entite des fiches dans Kobo."
    )
    return [Finding(submission_key=submission_key, case_code=case_code, field="famille_entite", rule=MISPLACED,
                    severity="error", message=message)]  # fmt: skip


def without_names(mapped: Mapped, provider: Provider | None) -> Mapped:
    """The records without the names that their body may not pass on; the key, made for that, stays."""
    if (provider is not None and provider.nominative) or not mapped.named:
        return mapped
    told = {finding.record_id for finding in mapped.findings if finding.rule in _TOLD}
    message = (
        "Un nom est dans la fiche, et la liste ne dit pas que l’organisme peut en transmettre : il n’est pas gardé. "
        "L’effacer dans Kobo (v_prenom, v_nom), ou corriger la liste (config.yaml)."
    )
    findings = [
        Finding(submission_key=mapped.event.submission_key, case_code=mapped.event.case_code, record_id=record,
                field="v_nom", rule=NOT_ALLOWED, severity="error", message=message)
        for record in mapped.named if record not in told
    ]  # fmt: skip
    nameless = [i.model_copy(update={"given_name": None, "family_name": None}) for i in mapped.identities]
    identities = [identity for identity in nameless if identity.birth_date or identity.linkage_key]
    return mapped.model_copy(update={"identities": identities, "findings": [*mapped.findings, *findings]})


def other_account(account: str | None, entity: str, accounts: Mapping[str, str], submission_key: str,
                  case_code: str | None) -> list[Finding]:  # fmt: skip
    """An agent's account that sends for another body. `accounts`: the body of each agent, by name in lower case.

    Only agents are listed there: a coordinator copies the paper sheets of others.
    """
    own = accounts.get((account or "").lower())
    if own is None or own == entity:
        return []
    message = (
        "Le compte qui a envoyé la fiche est celui d’un agent d’un autre organisme : elle n’est pas comptée. Demander "
        "à l’agent, puis corriger « entite » dans Kobo, ou le compte (accounts, config.yaml)."
    )
    return [Finding(submission_key=submission_key, case_code=case_code, field="entite", rule=OTHER_ACCOUNT,
                    severity="blocking", message=message)]  # fmt: skip
