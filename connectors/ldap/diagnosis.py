"""Reaching an address step by step, which libldap cannot report.

libldap reports "Can't contact LDAP server" for a dead host and for a bad certificate. The GnuTLS build of libldap 2.5
(Debian 12) loops for ever in the TLS handshake of a server that accepts connections and is silent. OPT_NETWORK_TIMEOUT
does not help (seen; kept by the conformance suite's silent server). So a handshake of our own, with a time limit, comes
first.
"""

import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from config.text import N_, _

START_TLS = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
"""The StartTLS request (RFC 4511, 4.14) as message 1."""
PORTS = {"ldap": 389, "ldaps": 636}
_UNKNOWN = N_("it is from an authority that is not trusted; ca_file must name the one that signed it")
_NAME = N_("it is for another name; urls must have a name that stands in it")
CERTIFICATE_FAULTS = {
    9: N_("it is not valid yet; check the clocks of both machines"),
    10: N_("it has expired; the server needs a new one"),
    **dict.fromkeys((2, 18, 19, 20, 21), _UNKNOWN),
    **dict.fromkeys((62, 64), _NAME),
}
"""OpenSSL's X509_V_ERR_ codes (openssl-verification-options(1)), each with the instruction for the administrator."""


def handshake(url: str, start_tls: bool, ca_file: Path | None, seconds: float) -> None:
    """Connect, and agree on TLS if the address has it. Raises OSError: ssl.SSLError, TimeoutError and others."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    with socket.create_connection((host, port), seconds) as plain:
        plain.settimeout(seconds)
        if start_tls:
            plain.sendall(START_TLS)
            plain.recv(4096)
        if start_tls or parts.scheme == "ldaps":
            context = ssl.create_default_context(cafile=ca_file)
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # libldap is no stricter; Python 3.13 made it the default
            context.wrap_socket(plain, server_hostname=host).close()


def explain(url: str, error: OSError | None, words: str = "") -> str:
    """Return why an address cannot be used; None if it can be reached. `words` is libldap's own message."""
    match error:
        case None:
            words = words or _("no answer")
            if url.startswith("ldaps:"):
                return _(
                    "{url} agrees on TLS, then breaks off ({words}). Either the server is just "
                    "starting, or the LDAP library refuses a certificate for another name than that "
                    "in urls"
                ).format(url=url, words=words)
            return _("{url} takes connections and does not answer ({words})").format(url=url, words=words)
        case ssl.SSLCertVerificationError():
            known = CERTIFICATE_FAULTS.get(error.verify_code)
            fault = _(known) if known else _("it is not trusted: {why}").format(why=error.verify_message)
            return _("{url} shows a certificate that cannot be accepted: {fault}").format(url=url, fault=fault)
        case ssl.SSLError():
            return _(
                "{url} does not agree on TLS ({why}). ldaps:// needs a port with TLS, mostly 636; "
                "ldap:// with start_tls needs one without, mostly 389"
            ).format(url=url, why=error.reason or error)
        case TimeoutError():
            return _("{url} does not answer in time").format(url=url)
        case _:
            return _("{url} cannot be reached: {why}").format(url=url, why=error.strerror or error)
