"""The configuration file that points the production bot at the practice company."""

import base64
import hashlib
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.sandbox.company import slapd_conf
from tests.sandbox.company.people import HR, LEAVER, SECURITY
from tests.sandbox.company.slapd import Slapd
from tests.sandbox.company.tryton import Tryton
from tests.sandbox.slack import seed
from tests.sandbox.slack.server import SlackServer

CITIES = ("Europe/Berlin", "America/Los_Angeles", "Asia/Tokyo")
"""Possible time zones of the company: at any moment it is day in one of them."""
OPENS, CLOSES = time(9, 30), time(20, 0)
PROTECTED = ("erika.board@northwind.example", "svc-handover")


def secrets(directory: Slapd, crm: Tryton, slack: SlackServer) -> dict[str, str]:
    """Return the environment that the file's references name."""
    app = slack.workspace.app
    return {
        "HANDOVER_MASTER_KEY": _key("master"),
        "HANDOVER_SIGNING_KEY": _key("signing"),
        "SLACK_BOT_TOKEN": app.bot_token,
        "SLACK_APP_TOKEN": app.app_token,
        "SLACK_SIGNING_SECRET": app.signing_secret,
        "LDAP_PASSWORD": directory.bind_password,
        "LDAP_COMPARE_PASSWORD": slapd_conf.ROOT_PASSWORD,
        "CRM_PASSWORD": crm.bot.password,
    }


def daytime(now: datetime) -> str:
    """Return the time zone of a company in which it is day.

    The daily audit is at eight. A story that begins in the night would have no audit a day later. One that lasts
    across that hour, or across midnight, would have one more. The story must not depend on its start.
    """
    return next(city for city in CITIES if OPENS <= now.astimezone(ZoneInfo(city)).time() < CLOSES)


def toml(
    folder: Path,
    now: datetime,
    directory: Slapd,
    crm: Tryton,
    slack: SlackServer,
    http_port: int | None = None,
    database_url: str = "",
) -> str:
    """Return the file's text, for a company that is set up `now`.

    `http_port`: signed HTTP there; None: Socket Mode. `database_url`: PostgreSQL, if any.
    """
    assert LEAVER.email not in PROTECTED
    crm_lines = "\n".join(f'{key} = "{value}"' for key, value in crm.settings("env:CRM_PASSWORD").items())
    return f"""
[company]
name = "Northwind Practice"
timezone = "{daytime(now)}"
directory = "directory"

[storage]
path = "{folder}"
url = "{database_url}"
master_key = "env:HANDOVER_MASTER_KEY"
signing_key = "env:HANDOVER_SIGNING_KEY"

[slack]
mode = "{"socket" if http_port is None else "http"}"
bot_token = "env:SLACK_BOT_TOKEN"
app_token = "env:SLACK_APP_TOKEN"
signing_secret = "env:SLACK_SIGNING_SECRET"
api_url = "{slack.api_url}"
port = {http_port or 0}
case_channel = "{seed.OFFBOARDING}"
security_channel = "{seed.SECURITY_ALERTS}"
audit_channel = "{seed.ACCESS_AUDIT}"

[health]
port = 0

[roles]
hr = {{ groups = ["{seed.HR_GROUP}"] }}
security = {{ groups = ["{seed.SECURITY_GROUP}"] }}
admin = {{ groups = ["{seed.ADMIN_GROUP}"] }}

[actors.hanna]
slack = "{HR.slack_id}"
roles = ["hr"]

[actors.sam]
slack = "{SECURITY.slack_id}"
roles = ["security"]

[policy]
protected = {list(PROTECTED)}
retry_minutes = 1
mass_share = 1.0

[systems.directory]
kind = "ldap"
urls = ["{directory.tls_url}"]
ca_file = "{directory.ca_file}"
bind_dn = "{directory.bind_dn}"
password = "env:LDAP_PASSWORD"
base_dn = "{directory.base_dn}"
compare_bind_dn = "{slapd_conf.ROOT_DN}"
compare_password = "env:LDAP_COMPARE_PASSWORD"

[systems.crm]
{crm_lines}
"""


def _key(name: str) -> str:
    return base64.b64encode(hashlib.sha256(f"practice {name}".encode()).digest()).decode()
