"""Secrets by reference: `env:NAME` or `file:/path` in the TOML, the value only in memory and never in a repr."""

import contextlib
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo

from config.text import _


def resolve(reference: str, env: Mapping[str, str]) -> SecretStr:
    """Return what a reference stands for. Raises ValueError, which never repeats what was given instead of one."""
    source, _colon, name = reference.partition(":")
    if source == "file" and name:
        return FileSecret(Path(name))
    if source != "env" or not name:
        raise ValueError(_("a secret is given as a reference, env:NAME or file:/path, never as its value"))
    value = env.get(name, "").strip()
    if not value:
        raise ValueError(_("the environment variable {name} is not set").format(name=name))
    return SecretStr(value)


def _read(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        value = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(
            _("cannot read the secret file {path}: {why}").format(path=path, why=error.strerror)
        ) from error
    except UnicodeDecodeError:
        raise ValueError(_("the secret file {path} is not text").format(path=path)) from None
    if mode & stat.S_IRWXO:
        raise ValueError(_("everybody can read the secret file {path}: chmod 600 {path}").format(path=path))
    if not value:
        raise ValueError(_("the secret file {path} is empty").format(path=path))
    return value


def environment(info: ValidationInfo) -> Mapping[str, str]:
    """Return the environment that validation was given as `context={"env": ...}`, or an empty one."""
    env: Mapping[str, str] = (info.context or {}).get("env", {})
    return env


class FileSecret(SecretStr):
    """A secret in a file, read anew whenever it is used: who rotates it need not restart the bot.

    While the file cannot be read, or is empty because it is being written just now, the last good value stands.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(_read(path))
        self._path = path

    def get_secret_value(self) -> str:
        """Return what the file holds now."""
        with contextlib.suppress(ValueError):
            self._secret_value = _read(self._path)
        return self._secret_value


def _resolve(value: Any, info: ValidationInfo) -> SecretStr:
    return value if isinstance(value, SecretStr) else resolve(str(value), environment(info))


def renewal(secret: SecretStr) -> str:
    """Return how a secret that was refused is renewed, as a sentence for the operator."""
    if isinstance(secret, FileSecret):
        return _("renew it in the file that the settings point to; it is read again at the next try, without a restart")
    return _("it is read when the bot starts: renew it where the settings point to, then restart the bot")


Secret = Annotated[SecretStr, BeforeValidator(_resolve)]
ProxyUrl = Annotated[str, Field(pattern=r"^https?://[^/\s@]+/?$")]
"""Address of an HTTP proxy. It has no password, since that would stand in the settings in clear."""
"""A settings field that takes a reference and holds the secret; give `context={"env": ...}` when validating."""
