"""Who the bot itself is in the application (RFC 7644, 3.11): asked once, where no setting says it."""

from connectors.errors import Conflict, Forbidden, Missing
from connectors.scim.faults import NotJson, RequestRejected
from connectors.scim.service import Service
from connectors.scim.wire import User


class OwnAccount:
    """The bot's own account."""

    def __init__(self, service: Service, named: str) -> None:
        self._service, self._name = service, named or None

    def name(self) -> str:
        """Return a log-in or an id, or an empty text: the server has no `/Me`, or the token belongs to nobody.

        Raises `Unavailable`: who cannot be told apart from the leaver now is asked for again, and not guessed.
        """
        if self._name is None:
            try:
                me = User.read(self._service.me())
            except (Missing, Forbidden, RequestRejected):  # 404, 403 and 501: most servers do not offer it
                self._name = ""
            except (NotJson, Conflict):  # a page for people, or the way to one: not offered, where /Users answers
                self._service.sees()
                self._name = ""
            else:
                self._name = me.id or me.login
        return self._name
