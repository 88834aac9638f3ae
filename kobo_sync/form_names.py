"""The forms, by the names that folders, configuration and commands use."""

CASE_FORMS = ("traite", "trafic")
"""A case: one event, with its code, its persons and its safety questions."""

FORMS = (*CASE_FORMS, "suivi", "fournisseur", "declaration")
