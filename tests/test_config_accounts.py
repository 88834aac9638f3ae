"""Accounts: what a role must say, and the combinations that would show protection rows to justice or security."""

import pytest

from kobo_sync.config import load_config
from tests.test_config import problems, write

AGENT = {"username": "pol_nia_1", "role": "agent", "entity": "POL_NIA"}
BOTH = ["justice_securite", "protection"]
COORDINATOR = {"username": "coord_agadez", "role": "coordinator", "region": "NE001", "families": BOTH}
PROSECUTOR = COORDINATOR | {"username": "parquet", "entity": "TGI_NIA", "families": ["justice_securite"]}
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
        (AGENT | {"entity": "POL_XXX"}, "accounts (pol_nia_1).entity = « POL_XXX » : ce code n’est pas dans providers"),
        (AGENT | {"entity": None}, "accounts[0] (pol_nia_1) : donnez entity"),
        (AGENT | {"region": "NE001"}, "accounts[0] (pol_nia_1) : le rôle agent ne prend ni region ni families"),
        (NATIONAL | {"families": BOTH}, "le rôle national ne prend ni region ni families"),
        (COORDINATOR | {"families": []}, "accounts[0] (coord_agadez) : un coordinateur voit une région"),
        (COORDINATOR | {"region": "NE009"}, "accounts[0].region (coord_agadez) = « NE009 » : donnez le code"),
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


def test_an_address_is_not_repeated_in_a_message(tmp_path):
    (found,) = problems(tmp_path, accounts(AGENT | {"username": "agent@police.example"}))
    assert "agent@police.example" not in found
