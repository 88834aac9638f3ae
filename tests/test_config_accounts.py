"""Accounts: what a role must say, and the combinations that would show protection rows to justice or security."""

import pytest

from kobo_sync.config import load_config
from kobo_sync.config_accounts import account_warnings
from tests.test_config import problems, write

AGENT = {"username": "pol_nia_1", "role": "agent", "entity": "POL_NIA"}
BOTH = ["justice_securite", "protection"]
COORDINATOR = {"username": "coord_agadez", "role": "coordinator", "region": "NE001", "families": BOTH}
PROSECUTOR = COORDINATOR | {
    "username": "parquet",
    "entity": "TGI_NIA",
    "region": "NE008",
    "families": ["justice_securite"],
}
NGO = COORDINATOR | {"username": "ong", "entity": "ONG_AGZ", "families": ["protection"]}
NATIONAL = {"username": "revue", "role": "national"}


def accounts(*listed):
    return lambda data: data.update(accounts=list(listed))


def test_the_four_kinds_of_account_are_read(tmp_path):
    config = load_config(write(tmp_path, accounts(AGENT, COORDINATOR, PROSECUTOR, NATIONAL)))
    assert [account.role for account in config.accounts] == ["agent", "coordinator", "coordinator", "national"]


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (PROSECUTOR | {"families": BOTH}, "accounts (parquet).families : TGI_NIA est un organisme de justice"),
        (PROSECUTOR | {"families": BOTH}, "écrivez families: [justice_securite]"),
        (NATIONAL | {"entity": "POL_NIA"}, "accounts (revue).role : POL_NIA est un organisme de justice"),
        (PROSECUTOR | {"region": "NE001"}, "accounts (parquet).region = « NE001 » : TGI_NIA est en NE008 Niamey"),
        (NGO | {"families": ["justice_securite"]}, "accounts (ong).families : ONG_AGZ est de la famille protection"),
        (
            NATIONAL | {"entity": "ONG_AGZ"},
            "accounts (revue).role : toutes les fiches ne sont montrées qu’à l’ANLTP/TIM",
        ),
        (AGENT | {"entity": "POL_XXX"}, "accounts (pol_nia_1).entity = « POL_XXX » : ce code n’est pas dans providers"),
        (AGENT | {"entity": None}, "accounts (n° 1, pol_nia_1) : donnez entity"),
        (AGENT | {"region": "NE001"}, "accounts (n° 1, pol_nia_1) : le rôle agent ne prend ni region ni families"),
        (NATIONAL | {"families": BOTH}, "le rôle national ne prend ni region ni families"),
        (COORDINATOR | {"families": []}, "accounts (n° 1, coord_agadez) : un coordinateur voit une région"),
        (COORDINATOR | {"region": "NE009"}, "accounts (n° 1, coord_agadez).region = « NE009 » : donnez le code"),
        (COORDINATOR | {"families": ["police"]}, "valeurs permises : justice_securite, protection"),
        (COORDINATOR | {"familes": BOTH}, "clé inconnue ; vouliez-vous dire « families » ?"),
        (AGENT | {"role": "admin"}, "valeurs permises : 'agent', 'coordinator', 'national'"),
        (AGENT | {"username": "agent@police.example"}, "donnez le nom du compte Kobo, pas l’adresse électronique"),
        (AGENT | {"username": "agent un"}, "un nom de compte Kobo n’a que des lettres"),
        (AGENT | {"username": "anltp_sync"}, "accounts (anltp_sync) : c’est sync_account"),
    ],
)
def test_a_wrong_account_is_named_with_its_remedy(tmp_path, account, expected):
    found = problems(tmp_path, accounts(account))
    assert any(expected in line for line in found), found


def test_one_account_twice_is_one_too_many_whatever_the_case(tmp_path):
    (found,) = problems(tmp_path, accounts(AGENT, AGENT | {"username": "POL_NIA_1"}))
    assert "accounts (pol_nia_1) : ce compte y figure deux fois" in found


def test_the_agency_sees_all_from_anywhere_and_an_ngo_with_both_families_is_told(tmp_path):
    def agency(data):
        siege = data["providers"][3] | {"code": "ANLTP_NIA", "label": "Siège", "type": "anltp"}
        data["providers"].append(siege)
        data["accounts"] = [
            NATIONAL | {"entity": "ANLTP_NIA"},
            COORDINATOR | {"entity": "ANLTP_NIA"},
            NGO | {"families": BOTH},
            PROSECUTOR,
        ]

    config = load_config(write(tmp_path, agency))
    (told,) = account_warnings(config.accounts, config.providers)
    assert told.startswith("accounts (ong) : ONG Aïr Solidarité, Agadez est un organisme de protection")


def test_an_address_is_not_repeated_in_a_message(tmp_path):
    (found,) = problems(tmp_path, accounts(AGENT | {"username": "agent@police.example"}))
    assert "agent@police.example" not in found
