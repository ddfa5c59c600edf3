"""Why a directory cannot be reached: libldap says "Can't contact LDAP server" for a dead host and a bad certificate."""

import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

START_TLS = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
"""The StartTLS request (RFC 4511, 4.14) as message 1."""
PORTS = {"ldap": 389, "ldaps": 636}


def explain(url: str, start_tls: bool, ca_file: Path | None, seconds: float) -> str:
    """Try the address once more, step by step, and return what does not work, for people."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    try:
        with socket.create_connection((host, port), seconds) as plain:
            plain.settimeout(seconds)
            if not start_tls and parts.scheme == "ldap":
                return f"{url} takes connections and does not answer"
            return _explain_tls(plain, url, host, start_tls, ca_file)
    except ssl.SSLCertVerificationError as error:
        return f"{url} shows a certificate that is not trusted: {error.verify_message}; check ca_file and the host name"
    except TimeoutError:
        return f"{url} does not answer within {seconds:g} s"
    except OSError as error:
        return f"{url} cannot be reached: {error.strerror or error}"


def _explain_tls(plain: socket.socket, url: str, host: str, start_tls: bool, ca_file: Path | None) -> str:
    if start_tls:
        plain.sendall(START_TLS)
        plain.recv(4096)
    context = ssl.create_default_context(cafile=ca_file)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # libldap is no stricter, and 3.13 made this the default
    with context.wrap_socket(plain, server_hostname=host):
        return f"{url} speaks TLS and does not answer"
