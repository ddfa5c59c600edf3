"""Keys of the journal."""

from base64 import b64decode, b64encode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.settings import Storage


def public_half(storage: Storage) -> str:
    """Return the public key of the configured signing key, in base64."""
    seed = b64decode(storage.signing_key.get_secret_value())
    return b64encode(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()).decode()
