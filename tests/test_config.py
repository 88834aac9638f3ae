"""Each mistake in config.yaml gets one French message: the key, the value unless secret, and the remedy."""

import os
import re
import sys
from pathlib import Path

import pyrage
import pytest
import yaml

from kobo_sync.config import load_config
from kobo_sync.errors import ConfigError

COMMITTED = Path(__file__).parent.parent / "config.yaml"
TOKEN = "0123456789abcdef0123456789abcdef01234567"


def write(folder: Path, change) -> Path:
    data = yaml.safe_load(COMMITTED.read_text(encoding="utf-8"))
    change(data)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return path


def problems(folder: Path, change, **options) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_config(write(folder, change), **options)
    return caught.value.problems


def test_the_committed_file_is_valid_and_lists_the_twenty_providers():
    config = load_config(COMMITTED)
    assert len(config.providers) == 20
    assert config.data_dir == COMMITTED.parent / "data"
    nominative = {p.code for p in config.providers if p.nominative}
    assert not any(code.startswith("ONG_") for code in nominative) and len(nominative) == 15


def test_one_identifier_belongs_to_one_form(tmp_path):
    def twice(data):
        data["sources"][0]["forms"] |= {"traite": "aBC45678901", "trafic": "aBC45678901", "suivi": "aBC45678902"}

    (found,) = problems(tmp_path, twice)
    assert "sources (kobo-anltp).forms.trafic, sources (kobo-anltp).forms.traite : le même identifiant" in found
    assert "aBC45678901" in found and "suivi" not in found

    def two_sources(data):
        twice(data)
        data["sources"][0]["forms"].pop("trafic")
        data["sources"].append(data["sources"][0] | {"name": "encore"})

    (found,) = problems(tmp_path, two_sources)
    assert "sources (encore).forms.suivi : le même identifiant" in found


def set_at(data, path, value):
    for part in path[:-1]:
        data = data[part]
    data[path[-1]] = value


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("data_dirr",), "x", "data_dirr : clé inconnue ; vouliez-vous dire « data_dir » ?"),
        (
            ("sources", 0, "fomrs"),
            {},
            "sources (n° 1, kobo-anltp).fomrs : clé inconnue ; vouliez-vous dire « forms » ?",
        ),
        (
            ("sources", 0, "url"),
            "kf.kobotoolbox.org",
            "sources (n° 1, kobo-anltp).url = « kf.kobotoolbox.org » : écrivez l’adresse complète",
        ),
        (("sources", 0, "url"), "http://kobo.example.org", "écrivez https://"),
        (
            ("sources", 0, "forms"),
            {"traite": "a b"},
            "sources (n° 1, kobo-anltp).forms.traite = « a b » : l’identifiant d’un formulaire",
        ),
        (("sources", 0, "forms"), {"traiet": "aBC45678901"}, "sources (n° 1, kobo-anltp).forms.traiet"),
        (
            ("providers", 3, "region"),
            "NE010",
            "providers (n° 4, OIM_NIA).region = « NE010 » : donnez le code d’une région : NE001 Agadez",
        ),
        (
            ("providers", 3, "family"),
            "police",
            "providers (n° 4, OIM_NIA).family = « police » : valeurs permises : justice_securite, protection",
        ),
        (
            ("providers", 0, "family"),
            "protection",
            "providers (n° 1, POL_NIA) : le type police est de la famille justice_securite",
        ),
        (
            ("providers", 3, "family"),
            "justice_securite",
            "providers (n° 4, OIM_NIA) : le type io_iom est de la famille protection : corrigez family ou type",
        ),
        (("providers", 3, "nominative"), "peut-être", "« peut-être » : écrivez oui ou non"),
        (("providers", 3, "type"), "none", "providers (n° 4, OIM_NIA).type = « none » : valeurs permises : police"),
        (
            ("providers", 3, "nominative"),
            "parfois",
            "providers (n° 4, OIM_NIA).nominative = « parfois » : écrivez oui ou non",
        ),
        (
            ("providers", 3, "since"),
            "2026-13-01",
            "providers (n° 4, OIM_NIA).since = « 2026-13-01 » : écrivez une date AAAA-MM-JJ",
        ),
        (("providers", 3, "code"), "POL_NIA", "providers : POL_NIA y figure deux fois"),
        (("identified_by",), ["police", "maire"], "identified_by (n° 2) = « maire » : valeurs permises"),
        (("reporting", "deadline_days"), -1, "reporting.deadline_days = « -1 » : au moins 0"),
        (("review", "no_status"), "oui", "review.no_status = « oui » : valeurs permises : 'counted', 'pending'"),
        (("timezone",), "Afrique/Niamey", "timezone = « Afrique/Niamey » : fuseau horaire inconnu"),
        (("providers",), [], "providers : la liste est vide"),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_remedy(tmp_path, path, value, expected):
    found = problems(tmp_path, lambda data: set_at(data, path, value))
    assert len(found) == 1, found
    assert expected in found[0]


def test_a_missing_key_is_named(tmp_path):
    assert problems(tmp_path, lambda data: data.pop("data_dir")) == ["data_dir : clé manquante ; ajoutez-la"]


def test_all_problems_come_together(tmp_path):
    def change(data):
        data["providers"][0]["region"] = "Niamey"
        data["review"]["no_status"] = "peut-être"
        del data["output_dir"]

    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, change))
    assert len(caught.value.problems) == 3
    assert str(caught.value).startswith("config.yaml : 3 problèmes\n")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("token_env", TOKEN),
        ("token", TOKEN),
        ("token_env", f"{TOKEN} "),
        ("url", "https://me:hunter2secret@kobo.example.org"),
        ("name", TOKEN + "!"),
    ],
)
def test_a_secret_pasted_in_the_file_is_never_printed(tmp_path, key, value):
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, lambda data: data["sources"][0].__setitem__(key, value)))
    assert TOKEN not in str(caught.value) and "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_no_place_for_the_token(tmp_path):
    found = problems(tmp_path, lambda data: data["sources"][0].pop("token_env"))
    assert found == [
        "sources (n° 1, kobo-anltp) : indiquez où est le jeton : token_env, token_file ou token_keyring (un seul)"
    ]


def test_a_token_that_is_not_in_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("KOBO_TOKEN", raising=False)
    load_config(write(tmp_path, lambda data: None))  # a report needs no token
    found = problems(tmp_path, lambda data: None, need_tokens=True)
    assert found == [
        "sources (kobo-anltp).token_env : KOBO_TOKEN : aucun jeton ; définissez cette variable d’environnement"
    ]
    monkeypatch.setenv("KOBO_TOKEN", f"{TOKEN}\n")
    assert load_config(write(tmp_path, lambda data: None), need_tokens=True).sources[0].read_token() == TOKEN


def test_a_token_with_a_line_break_inside_is_refused_unprinted(tmp_path, monkeypatch):
    monkeypatch.setenv("KOBO_TOKEN", f"{TOKEN}\n{TOKEN}")
    found = problems(tmp_path, lambda data: None, need_tokens=True)
    assert "recopiez-le" in found[0] and TOKEN not in found[0]


@pytest.mark.skipif(os.name != "posix", reason="mode bits")
def test_a_token_file_open_to_others_is_refused(tmp_path):
    (tmp_path / "jeton").write_text(TOKEN)
    (tmp_path / "jeton").chmod(0o640)

    def change(data):
        del data["sources"][0]["token_env"]
        data["sources"][0]["token_file"] = "jeton"

    found = problems(tmp_path, change, need_tokens=True)
    assert "lisible par d’autres" in found[0] and "chmod 600" in found[0] and TOKEN not in found[0]
    (tmp_path / "jeton").chmod(0o600)
    assert load_config(write(tmp_path, change), need_tokens=True).sources[0].read_token() == TOKEN


def test_a_folder_that_is_a_file_or_closed(tmp_path):
    (tmp_path / "occupé").write_text("")
    assert "est un fichier" in problems(tmp_path, lambda data: set_at(data, ("data_dir",), "occupé/x"))[0]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights(tmp_path):
    (tmp_path / "fermé").mkdir(mode=0o500)
    assert "changez ses droits" in problems(tmp_path, lambda data: set_at(data, ("data_dir",), "fermé"))[0]


def test_a_form_without_identifier_is_said_when_it_is_needed(tmp_path):
    config = load_config(write(tmp_path, lambda data: None))
    with pytest.raises(ConfigError, match="forms deploy"):
        config.source("kobo-anltp").uid("traite")
    with pytest.raises(ConfigError, match="sources connues : kobo-anltp"):
        config.source("kobo")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("sources: [", "écriture YAML incorrecte à la ligne"), ("", "vide"), ("é".encode("latin-1"), "UTF-8")],
)
def test_a_file_that_is_not_a_configuration(tmp_path, text, expected):
    path = tmp_path / "config.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError, match=expected):
        load_config(path)
    with pytest.raises(ConfigError, match="introuvable"):
        load_config(tmp_path / "autre.yaml")


TEMPLATE = COMMITTED.read_text(encoding="utf-8")
EXAMPLE = re.compile(r"( *)# (?= *(?:- )?(?:[a-z_]+:( |$)|\{))", re.MULTILINE)


def test_every_example_of_the_template_works_once_its_mark_is_removed(tmp_path):
    text = EXAMPLE.sub(r"\1", TEMPLATE)
    for _ in range(2):
        text = text.replace("public_key: age1…", f"public_key: {pyrage.x25519.Identity.generate().to_public()}", 1)
    path = tmp_path / "config.yaml"
    path.write_text(text.replace("/mnt/sauvegardes", str(tmp_path / "ailleurs")), encoding="utf-8")
    config = load_config(path)
    assert [source.kind for source in config.sources] == ["kobo", "central"]
    assert len(config.accounts) == 4 and len(config.recovery.officers) == 2 and config.key_keyring
    assert config.mail and config.attachments and config.backup.folder == tmp_path / "ailleurs"


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ("sources:\n  - name: a\n- name: b\n", 3, "retrait"),
        ("sources:\n  - name: a\n   url: b\n", 3, "retrait"),
        ("a: 1\n\tb: 2\n", 2, "tabulation"),
        ("a: 1\nlist: [1, 2\nb: 3\nc: 4\n", 2, "crochet"),
        ("a: 1\nb: titre : 2\n", 2, "guillemets"),
        ("a: 1\nb: 'titre\n", 2, "guillemet"),
    ],
)
def test_a_slip_of_writing_is_told_with_its_line_and_its_likely_cause(tmp_path, text, line, cause):
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=f"incorrecte à la ligne {line} : .*{cause}"):
        load_config(path)
