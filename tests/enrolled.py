"""People of tests who are enrolled for one-time codes, with the app that makes their codes."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp

from tests.bot import samples
from workflows.people import Actor
from workflows.storage.enrolments import Enrolments

PERIOD = 30


@dataclass
class ForwardClock:
    """A clock that stands still until a test moves it on."""

    at: datetime = field(default_factory=lambda: samples.NOW)

    def now(self) -> datetime:
        return self.at

    def next_period(self) -> None:
        self.at += timedelta(seconds=PERIOD)


@dataclass
class App:
    """A person's authenticator app: the secret, and the period of the last code that was used."""

    secret: str
    used: int = 0

    @classmethod
    def of(cls, address: str) -> "App":
        """Return the app after it has taken an `otpauth:` address."""
        return cls(parse_qs(urlsplit(address).query)["secret"][0])

    def code(self, at: datetime) -> str:
        """Return the code that the app shows at a moment."""
        return pyotp.TOTP(self.secret).at(at)

    def next_code(self) -> str:
        """Return a code that was not used, by this machine's clock. A person, too, waits for a new one."""
        totp = pyotp.TOTP(self.secret)
        while (now := int(time.time()) // PERIOD) + 1 <= self.used:
            time.sleep(0.2)
        self.used = max(now - 1, self.used + 1)
        return totp.generate_otp(self.used)


def enrol(enrolments: Enrolments, person: Actor, at: datetime, by: Actor | None = None) -> App:
    """Enrol a person as Slack does, or with somebody who vouches, and return their app.

    The first code is the oldest that counts, so that the present one and the next are left.
    """
    app = App.of(enrolments.offer(person, by or person))
    first = at - timedelta(seconds=PERIOD)
    enrolments.confirm(person.id, app.code(first), by or person)
    app.used = int(first.timestamp()) // PERIOD
    return app
