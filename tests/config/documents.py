"""Generator of the reference files: `python -m tests.config.documents`."""

from pathlib import Path
from typing import Any

import typer

from bot.cli.app import make_app
from bot.cli.configuration_draft import ConfigurationDraft
from bot.cli.manifest import yaml
from bot.slack.manifest import manifest
from config.reference import markdown
from connectors import registry
from tests.config.commands import commands

EXAMPLE: dict[str, dict[str, Any]] = {
    "company": {"name": "Northwind", "timezone": "Europe/Berlin", "directory": "directory"},
    "storage": {
        "path": "/var/lib/handover",
        "master_key": "env:HANDOVER_MASTER_KEY",
        "signing_key": "env:HANDOVER_SIGNING_KEY",
    },
    "slack": {
        "mode": "socket",
        "bot_token": "env:SLACK_BOT_TOKEN",
        "app_token": "env:SLACK_APP_TOKEN",
        "case_channel": "C0123CASES",
        "security_channel": "C0123SECURE",
        "audit_channel": "C0123AUDIT",
    },
    "roles.hr": {"groups": ["S0123PEOPLE"]},
    "roles.security": {"users": ["U0123SAM"], "groups": ["S0123SECURE"]},
    "roles.admin": {"users": ["U0123ADA"]},
    "actors.sam": {"logins": ["sam", "sam-adm"], "slack": "U0123SAM", "roles": ["security"]},
    "actors.hris": {"secret": "env:HRIS_SECRET", "commands": ["offboard"]},
    "policy": {"protected": ["svc-handover", "break-glass@northwind.example"]},
    "systems.directory": {
        "urls": ["ldaps://ldap.northwind.example"],
        "bind_dn": "cn=handover,ou=services,dc=northwind,dc=example",
        "password": "env:LDAP_PASSWORD",
        "base_dn": "dc=northwind,dc=example",
    },
    "systems.crm": {
        "url": "https://crm.northwind.example",
        "database": "crm",
        "login": "handover",
        "password": "env:CRM_PASSWORD",
        "server_log": "/var/log/tryton/trytond.log",
        "log_timezone": "Europe/Berlin",
    },
}
ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Write reference pages and manifest."""
    reference = ROOT / "docs" / "reference"
    reference.mkdir(exist_ok=True)
    kinds = {kind: registry.settings_of(kind) for kind in registry.own()}
    (reference / "configuration.md").write_text(markdown(kinds), encoding="utf-8")
    (reference / "commands.md").write_text(commands(typer.main.get_command(make_app())), encoding="utf-8")
    (ROOT / "config" / "slack-manifest.yaml").write_text(yaml(manifest("socket")), encoding="utf-8")
    (ROOT / "config" / "examples" / "handover.toml").write_text(example(), encoding="utf-8")


def example() -> str:
    """Return the complete example: the output of `handover init` for a company with a directory and a CRM."""
    systems = {"directory": ("ldap", registry.settings_of("ldap")), "crm": ("tryton", registry.settings_of("tryton"))}
    return ConfigurationDraft(EXAMPLE, systems).toml()


if __name__ == "__main__":
    main()
