"""A source of kind central in config.yaml: its own keys, each mistake told in French, and no form deployed on it."""

import pytest

from kobo_sync.config import load_config
from kobo_sync.deploy_all import kobo_sources
from kobo_sync.errors import ConfigError, FormError
from tests.test_config import problems, write

CENTRAL = {
    "name": "central-oim",
    "kind": "central",
    "url": "https://central.example.org",
    "project": 7,
    "account": "sync@example.org",
    "token_env": "CENTRAL_PASSWORD",
    "forms": {"traite": "traite", "suivi": None},
}


def added(**changes):
    """Adds the source, with keys changed (None: left out)."""

    def change(data):
        source = {key: value for key, value in (CENTRAL | changes).items() if value is not None}
        data["sources"].append(source)

    return change


def test_a_central_source_is_read_and_its_password_may_hold_a_space(tmp_path, monkeypatch):
    source = load_config(write(tmp_path, added())).source("central-oim")
    assert (source.kind, source.project, source.uid("traite")) == ("central", 7, "traite")
    monkeypatch.setenv("CENTRAL_PASSWORD", "trois mots en clair é ")
    assert source.read_token() == "trois mots en clair é "
    monkeypatch.setenv("CENTRAL_PASSWORD", "")
    with pytest.raises(ConfigError, match="CENTRAL_PASSWORD : aucun mot de passe ; définissez"):
        source.read_token()
    with pytest.raises(ConfigError, match=r"forms\.suivi : vide ; écrivez l’identifiant .* \(xmlFormId\)"):
        source.uid("suivi")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"project": None}, "donnez project, le numéro du projet dans Central"),
        ({"account": None}, "donnez account, l’adresse électronique"),
        ({"account": "sync"}, "account est l’adresse électronique d’un compte de Central"),
        ({"project": 0}, "sources (n° 2, central-oim).project = « 0 » : au moins 1"),
        ({"forms": {"traite": "a/b"}}, "forms.traite = « a/b » : l’identifiant d’un formulaire de Central (xmlFormId)"),
        ({"kind": "kobo", "forms": {}}, "project et account ne servent qu’avec kind: central"),
        ({"kind": "kobo", "forms": {"traite": "x"}}, "l’identifiant d’un formulaire Kobo commence par « a »"),
        ({"token_env": None}, "token_env, token_file ou token_keyring"),
        ({"kind": "odk"}, "valeurs permises : 'kobo', 'central'"),
    ],
)
def test_each_mistake_is_told(tmp_path, changes, expected):
    found = problems(tmp_path, added(**changes))
    assert len(found) == 1 and expected in found[0], found


def test_the_same_form_id_may_stand_in_two_projects(tmp_path):
    def two(data):
        added()(data)
        added(name="central-ong", project=8)(data)

    assert len(load_config(write(tmp_path, two)).sources) == 3

    def twice(data):
        added()(data)
        added(name="central-ong")(data)

    (found,) = problems(tmp_path, twice)
    assert "sources (central-ong).forms.traite : le même identifiant traite" in found


def test_no_form_is_deployed_on_central(tmp_path):
    config = load_config(write(tmp_path, added()))
    assert [source.name for source in kobo_sources(config)] == ["kobo-anltp"]
    with pytest.raises(FormError, match="central-oim : les formulaires ne se déploient que sur Kobo, seul à limiter"):
        kobo_sources(config, "central-oim")
