"""Secrets that we hand out once and keep as hashes: how they look, and how they are compared."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_FORM = re.compile(rf"(?P<kind>ak|pat)_(?P<id>{_UUID})\.(?P<secret>[A-Za-z0-9_-]{{43}})", re.ASCII)
_NOBODYS_HASH = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Credential:
    """What a caller presents: `ak_<id>.<secret>` (API key) or `pat_<id>.<secret>` (token)."""

    kind: str
    id: UUID
    secret: str

    @classmethod
    def read(cls, text: str) -> "Credential | None":
        """Return the credential that `text` is, or None when it has not the form of one."""
        match = _FORM.fullmatch(text)
        return match and cls(match["kind"], UUID(match["id"]), match["secret"])

    def __str__(self) -> str:
        return f"{self.kind}_{self.id}.{self.secret}"

    def __repr__(self) -> str:
        return f"<Credential {self.kind}_{self.id}>"


def new_secret() -> str:
    """Return 43 URL-safe characters holding 256 random bits."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """Return what is stored. A plain SHA-256 is enough where the secret is 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Stored(Protocol):
    secret_hash: str


Row = TypeVar("Row", bound=Stored)


def proven(row: Row | None, secret: str) -> Row | None:
    """Return `row` if `secret` is the one it stores; None also when there is no row."""
    return row if matches(secret, row.secret_hash if row else None) else None


def matches(secret: str, stored_hash: str | None) -> bool:
    """Compare in constant time, also when nothing is stored under the id (None)."""
    same = hmac.compare_digest(hash_of(secret), stored_hash or _NOBODYS_HASH)
    return same and stored_hash is not None
