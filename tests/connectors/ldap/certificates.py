"""Certificates that must be refused: expired, not valid yet, for another name."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.x509.oid import NameOID

AUTHORITY = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Practice CA")])


def issue(folder: Path, names: x509.GeneralName, since: timedelta, until: timedelta) -> None:
    """Write `ca.pem`, `server.pem` and `server.key`; the certificate is valid from now plus `since` to plus `until`."""
    now = datetime.now(UTC)
    ca_key, key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    ca = (
        x509.CertificateBuilder()
        .subject_name(AUTHORITY)
        .issuer_name(AUTHORITY)
        .public_key(ca_key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=900))
        .not_valid_after(now + timedelta(days=900))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    server = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(AUTHORITY)
        .public_key(key.public_key())
        .serial_number(2)
        .not_valid_before(now + since)
        .not_valid_after(now + until)
        .add_extension(x509.SubjectAlternativeName([names]), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    (folder / "server.pem").write_bytes(server.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
