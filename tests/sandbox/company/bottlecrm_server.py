"""The BottleCRM program itself: one process on a folder's data, started, paused, killed."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tests.sandbox.company.tryton_server import NotStarted
from tests.sandbox.ports import free_port

FILE = "crm.sqlite3"
SECRET = "practice-key-of-a-sandbox-on-loopback-0123456789abcdef"
_SETTINGS = '''"""Settings of the practice BottleCRM: SQLite, tables as they are today, background work done at once."""
import os
from crm.settings import *
DATABASES = {"default": {
    "ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(os.environ["PRACTICE_FOLDER"], "crm.sqlite3"),
    "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL;"},
}}
MIGRATION_MODULES = {name.split(".")[-1]: None for name in INSTALLED_APPS}
CELERY_BROKER_URL, CELERY_RESULT_BACKEND, CELERY_TASK_ALWAYS_EAGER = "memory://", "cache+memory://", True
MEDIA_ROOT = os.path.join(os.environ["PRACTICE_FOLDER"], "media")
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
'''


class Server:
    """One process with a worker of four threads; its database and logs are in `folder`. The port stays the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self._port}"

    def serve(self, programs: Path) -> None:
        """Start the program on the data that is there; ready when it returns."""
        self._port = self._port or free_port()
        command = [
            str(programs / "python"),
            "-m",
            "gunicorn",
            "-w",
            "1",
            "--threads",
            "4",
            "-b",
            f"127.0.0.1:{self._port}",
            "--no-control-socket",
            "crm.wsgi:application",
        ]
        with (self.folder / "server.out").open("ab") as out:
            self._process = subprocess.Popen(
                command, stdout=out, stderr=out, cwd=self.folder, env=environment(self.folder), start_new_session=True
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 150
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/healthz/", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        self.stop()
        raise NotStarted((self.folder / "server.out").read_text(encoding="utf-8", errors="replace")[-2000:])

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the server and its worker and wait for their end. The data stays. SIGKILL interrupts their work."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        os.killpg(process.pid, signal.SIGCONT)
        os.killpg(process.pid, how)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def prepare(folder: Path) -> None:
    """Write the settings that the program runs with."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "practice_settings.py").write_text(_SETTINGS, encoding="utf-8")


def environment(folder: Path) -> Mapping[str, str]:
    """Return the environment variables of the server."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(folder),
        "PRACTICE_FOLDER": str(folder),
        "DJANGO_SETTINGS_MODULE": "practice_settings",
        "SECRET_KEY": SECRET,
        "EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend",
        "MAGIC_LINK_THROTTLE_IP": "100000/hour",
        "MAGIC_LINK_THROTTLE_GLOBAL": "100000/hour",
    }
