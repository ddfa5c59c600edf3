"""Refusals of the stand-in: Slack's own error codes with their additional fields."""

from tests.sandbox.slack.records import JSON


class ApiError(Exception):
    """`ok: false` with this code; `extra` is merged into the answer (needed, provided, response_metadata ...)."""

    def __init__(self, code: str, **extra: object) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra

    def answer(self) -> JSON:
        """The JSON body."""
        return {"ok": False, "error": self.code, **self.extra}


class Limited(Exception):
    """HTTP 429; the caller may come back after `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"ratelimited for {seconds} s")
        self.seconds = seconds


def invalid(code: str, problems: list[str]) -> ApiError:
    """A refusal for content, with Slack's list of messages."""
    return ApiError(code, errors=[_bare(line) for line in problems], response_metadata={"messages": problems})


def _bare(line: str) -> str:
    return line.removeprefix("[ERROR] ")
