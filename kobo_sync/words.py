"""The words of the command line's summaries, French first. Errors speak French only: their readers do."""

from __future__ import annotations

FR: dict[str, str] = {
    "received": "Fiches sur le serveur",
    "new": "Nouvelles",
    "changed": "Modifiées",
    "status_changed": "Revues changées",
    "deleted": "Supprimées",
    "reappeared": "Revenues",
    "fetched_bodies": "Fiches transférées",
    "quarantined": "En quarantaine",
    "persons": "Personnes distinctes (victimes)",
    "linked_persons": "Fiches de victimes rapprochées",
    "linked_events": "Fiches d’un même événement",
    "pairs_to_decide": "Paires à décider",
    "follow_ups": "Suivis",
    "declarations": "Déclarations de trimestre",
    "provider_entries": "Fiches du registre des fournisseurs",
    "written": "Fichiers écrits",
    "files_kept": "Copies de protocoles signés, gardées chiffrées :",
    "first_night": "1re nuit",
    "second_night": "2e nuit",
    "for_people": "À faire par une personne",
    "problems": "Ce qui a échoué",
    "as_planned": "La démonstration a donné le résultat prévu.",
    "not_as_planned": "La démonstration n’a PAS donné le résultat prévu :",
}
EN: dict[str, str] = {
    "received": "Submissions on the server",
    "new": "New",
    "changed": "Changed",
    "status_changed": "Reviews changed",
    "deleted": "Deleted",
    "reappeared": "Come back",
    "fetched_bodies": "Submissions transferred",
    "quarantined": "In quarantine",
    "persons": "Distinct persons (victims)",
    "linked_persons": "Victim records linked",
    "linked_events": "Records of one same event",
    "pairs_to_decide": "Pairs to decide",
    "follow_ups": "Follow-ups",
    "declarations": "Quarterly declarations",
    "provider_entries": "Sheets of the provider register",
    "written": "Files written",
    "files_kept": "Copies of signed memoranda, kept encrypted:",
    "first_night": "1st night",
    "second_night": "2nd night",
    "for_people": "For a person to do",
    "problems": "What failed",
    "as_planned": "The demonstration gave the outcome planned.",
    "not_as_planned": "The demonstration did NOT give the outcome planned:",
}


def word(key: str, lang: str = "fr") -> str:
    """A word in French, or in English with `lang="en"`."""
    return (EN if lang == "en" else FR)[key]
