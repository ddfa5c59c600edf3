"""The bot's own account in the application (RFC 7644, 3.11): requested once, unless a setting names it."""

from connectors.errors import Conflict, Forbidden, Missing
from connectors.scim.faults import NotJson, RequestRejected
from connectors.scim.service import Service
from connectors.scim.wire import User


class OwnAccount:
    """The bot's own account."""

    def __init__(self, service: Service, named: str) -> None:
        self._service, self._name = service, named or None

    def name(self) -> str:
        """Return a log-in or an id. Empty if the server has no `/Me`, or if the token belongs to nobody.

        Raises `Unavailable`: an account that may be the leaver's is asked for again, not guessed.
        """
        if self._name is None:
            try:
                me = User.read(self._service.me())
            except (Missing, Forbidden, RequestRejected):  # 404, 403 and 501: most servers do not offer it
                self._name = ""
            except (NotJson, Conflict):  # a page for people, or a redirect to one: not offered, if /Users answers
                self._service.sees()
                self._name = ""
            else:
                self._name = me.id or me.login
        return self._name
