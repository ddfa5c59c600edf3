"""The own account of every connector, which is never locked."""

from typing import cast

import pytest
from pydantic import SecretStr

from connectors import registry
from connectors.contract import AccountId, Accounts, BeforeImage
from connectors.errors import Unavailable


def test_a_directory_in_trouble_is_asked_again_and_nobody_is_guessed() -> None:
    settings = registry.settings_of("ldap").model_validate(
        {"urls": ["ldap://127.0.0.1:9"], "bind_dn": "uid=svc,dc=x", "password": SecretStr("x"), "base_dn": "dc=x"}
    )
    connector = cast("Accounts", registry.build("ldap", settings))
    with pytest.raises(Unavailable):
        connector.own_account()
    connector.close()


def test_the_crms_own_account_is_its_login() -> None:
    settings = registry.settings_of("tryton").model_validate(
        {"url": "http://127.0.0.1:9", "database": "crm", "login": "handover", "password": SecretStr("x")}
    )
    connector = cast("Accounts", registry.build("tryton", settings))
    assert connector.own_account() == "handover"
    lost = connector.lost(BeforeImage(AccountId("1"), {"password": ""}))
    assert "hash could not be read" in lost[0]
    assert connector.lost(BeforeImage(AccountId("1"), {"password": "{SSHA}x"})) == ()
    assert connector.lost(BeforeImage(AccountId("1"), {"active": "true"})) == ()
    connector.close()


def test_the_rest_crms_own_account_is_its_login() -> None:
    settings = registry.settings_of("bottlecrm").model_validate(
        {"url": "http://127.0.0.1:9", "login": "svc@x.example", "token": SecretStr("x")}
    )
    connector = cast("Accounts", registry.build("bottlecrm", settings))
    assert connector.own_account() == "svc@x.example"
    assert "svc" not in repr(connector)
    connector.close()
