"""What a refused token or form says: where the token lies, the form's name, and that nothing is lost."""

from __future__ import annotations

from kobo_sync.config import SourceConfig
from kobo_sync.errors import AuthError, Forbidden, NotFoundError
from kobo_sync.run import said

UID = "aBC45678901"
SOURCE = SourceConfig(name="kobo-anltp", url="https://kf.exemple.org", token_env="KOBO_TOKEN", forms={"traite": UID})
SAFE = "ce qui est reçu est gardé, les autres sources et fiches sont tirées"


def test_a_refused_token_says_where_it_lies() -> None:
    text = said(SOURCE, AuthError("Le serveur refuse le jeton (401)", "vérifiez-le"))
    assert "jeton : la variable KOBO_TOKEN" in text and SAFE in text
    file = SOURCE.model_copy(update={"token_env": None, "token_file": "/etc/anltp/secrets/kobo-jeton"})
    assert "le fichier /etc/anltp/secrets/kobo-jeton" in said(file, AuthError("x"))


def test_a_refused_form_is_named_and_not_its_address() -> None:
    for kind in (Forbidden, NotFoundError):
        text = said(SOURCE, kind(f"Introuvable, /api/v2/assets/{UID}/data/ : 404"))
        assert UID not in text and "/(traite)/data/" in text and SAFE in text and "KOBO_TOKEN" not in text
