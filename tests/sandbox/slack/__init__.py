"""A Slack workspace on loopback, for tests and the practice company.

An unmodified Bolt app notices only its base_url and tokens.

with SlackServer(Workspace()) as slack:
    app = App(client=WebClient(token=slack.workspace.app.bot_token, base_url=slack.api_url),
              signing_secret=slack.workspace.app.signing_secret)
    ...
    hr = slack.as_user(HR.slack_id)
    hr.command("/offboard", "@dana.oneill", channel="offboarding")
    hr.modal("Offboard").fill("Reason", "resigned").submit()
"""

from tests.sandbox.slack.server import SlackServer
from tests.sandbox.slack.settings import AppSettings, Command
from tests.sandbox.slack.world import Workspace

__all__ = ["AppSettings", "Command", "SlackServer", "Workspace"]
