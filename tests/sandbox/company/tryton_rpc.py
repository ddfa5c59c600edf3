"""A few calls to a Tryton server, for seeding it and for looking at it from outside the connector."""

import base64
import json
import urllib.error
import urllib.request
from typing import Any


class Failed(Exception):
    """The server refused a call; `status` is its HTTP status (200 where the answer was an error in JSON)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status


class Rpc:
    """One signed-in user. `context` goes with every call on a model."""

    def __init__(self, url: str, login: str, password: str) -> None:
        self._url = url
        self._headers = {"Content-Type": "application/json"}
        self.context: dict[str, Any] = {}
        self.user, key, _ = self._post("common.db.login", login, {"password": password})
        token = base64.b64encode(f"{login}:{self.user}:{key}".encode()).decode()
        self._headers["Authorization"] = f"Session {token}"

    def call(self, method: str, *arguments: Any) -> Any:
        """Call `model.method` with the context added at the end."""
        return self._post(f"model.{method}", *arguments, self.context)

    def log_out(self) -> None:
        """End the session."""
        self._post("common.db.logout")

    def _post(self, method: str, *params: Any) -> Any:
        body = json.dumps({"id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self._url, body, self._headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                answer = json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                raise Failed(error.code, f"{method}: {error.reason}") from None
        if "error" in answer:
            raise Failed(200, f"{method}: {str(answer['error'])[:2000]}")
        return answer["result"]
