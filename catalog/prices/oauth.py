"""OAuth 1.0 signatures (RFC 5849) with HMAC-SHA1, for requests without a form body."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The four secrets."""

    consumer_key: str
    consumer_secret: str
    token: str
    token_secret: str

    def __repr__(self) -> str:
        """Nothing that a log should not show."""
        return "Credentials(...)"


def authorization(method: str, url: str, *, credentials: Credentials, nonce: str, timestamp: int) -> str:
    """The Authorization header for one request; `nonce` and `timestamp` (Unix seconds) are good for that one alone."""
    said = [
        ("oauth_consumer_key", credentials.consumer_key),
        ("oauth_token", credentials.token),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", str(timestamp)),
        ("oauth_nonce", nonce),
        ("oauth_version", "1.0"),
    ]
    signature = signed(base_string(method, url, said), credentials)
    fields = [*said, ("oauth_signature", signature)]
    return "OAuth " + ", ".join(f'{name}="{escape(text)}"' for name, text in fields)


def signed(base: str, credentials: Credentials) -> str:
    """The signature of a base string (section 3.4.2)."""
    key = f"{escape(credentials.consumer_secret)}&{escape(credentials.token_secret)}"
    digest = hmac.new(key.encode(), base.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def base_string(method: str, url: str, parameters: Sequence[tuple[str, str]]) -> str:
    """What is signed (section 3.4.1): the method, the address, and all parameters with those of the query, sorted."""
    parts = urlsplit(url)
    port = "" if parts.port in {None, {"http": 80, "https": 443}.get(parts.scheme)} else f":{parts.port}"
    host = parts.hostname or ""
    address = f"{parts.scheme.lower()}://{f'[{host}]' if ':' in host else host}{port}{parts.path or '/'}"
    query = parse_qsl(parts.query, keep_blank_values=True)
    pairs = sorted((escape(name), escape(text)) for name, text in [*query, *parameters])
    return "&".join(escape(part) for part in (method.upper(), address, "&".join(f"{n}={t}" for n, t in pairs)))


def escape(text: str) -> str:
    """Percent-encoding as section 3.6 wants it: all but letters, digits and `-._~`."""
    return quote(text, safe="-._~")
