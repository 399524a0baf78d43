"""Locations: taken apart, and printed without their secrets."""

from __future__ import annotations

import re
import urllib.parse
from typing import NamedTuple

_HIDDEN_NAMES = (
    r"[\w.-]*(?:password|passwd|pwd|secret|token|credential|signature|access_?key|api_?key"
    r"|private_?key|sas)[\w.-]*"
)
# Strings and not compiled: this module loads while MLflow starts, and compiling them takes longer
# than all the rest of it. The re module keeps what was compiled at the first use.
# Everything up to the last "@" before whitespace is user information: raw passwords may hold "@",
# ":", "/", quotes and brackets, and printing too little is better than printing a secret.
_USER_INFO = r"(?P<scheme>\b[A-Za-z][\w+.-]*://)(?P<user>[^\s:/@]*):\S*@"
_QUERY = rf"(?i)(?P<name>[?&;]{_HIDDEN_NAMES}|[?&;](?:sig|key)|AccountKey)=[^&;#\s'\"]*"
# An ODBC connection string, plain or percent-encoded in odbc_connect=….
_ODBC = (
    r"(?i)(?P<name>\b(?:PWD|PASSWORD)|%3BPWD|%3BPASSWORD)(?P<eq>=|%3D)"
    r"(?:\{(?:\}\}|[^}])*\}|%7B(?:%7D%7D|(?!%7D).)*%7D|(?:(?!%3B)[^;&\s'\"])*)"
)
# The same where a text is one location and nothing else: no character in it ends a secret but those
# that end a password, a parameter, or a value of ODBC.
_WHOLE = r"(?s)^(?P<scheme>[A-Za-z][\w+.-]*://)(?:(?P<user>[^:/@]*):.*@)?"
_WHOLE_QUERY = rf"(?is)(?P<name>[?&;]{_HIDDEN_NAMES}|[?&;](?:sig|key))=[^&#]*"
_WHOLE_ODBC = (
    r"(?is)(?P<name>\b(?:PWD|PASSWORD)|%3BPWD|%3BPASSWORD)(?P<eq>=|%3D)"
    r"(?:\{(?:\}\}|[^}])*\}|%7B(?:%7D%7D|(?!%7D).)*%7D|(?:(?!%3B)[^;&])*)"
)
_CONTROL = r"[\x00-\x1f\x7f]"
_BAD_ESCAPE = r"%(?![0-9A-Fa-f]{2})"
_SCHEME = r"^[A-Za-z][A-Za-z0-9+.-]*$"

HIDDEN = "***"


def redact(text: object) -> str:
    """Return a text with the secrets of every location in it replaced by `***`.

    Hides passwords in user information, query parameters whose name says that they are secret, and
    PWD in ODBC strings. Applied twice it changes nothing more.
    """
    found = str(text)
    if "://" in found:
        found = re.sub(_USER_INFO, rf"\g<scheme>\g<user>:{HIDDEN}@", found)
    if "=" in found or "%3" in found:
        found = re.sub(_QUERY, rf"\g<name>={HIDDEN}", found)
        found = re.sub(_ODBC, rf"\g<name>\g<eq>{HIDDEN}", found)
    return found


def redact_location(location: object) -> str:
    """Return a text that is one location with its secrets replaced by `***`.

    Unlike `redact` it knows where the location ends, so it hides secrets whatever their characters:
    raw quotes, brackets and spaces too.
    """
    found = str(location)
    if re.match(_WHOLE, found) is None:
        return redact(found)
    found = re.sub(_WHOLE, _hidden_user, found)
    found = re.sub(_WHOLE_QUERY, rf"\g<name>={HIDDEN}", found)
    found = re.sub(_WHOLE_ODBC, rf"\g<name>\g<eq>{HIDDEN}", found)
    return redact(found)


def _hidden_user(match: re.Match[str]) -> str:
    if match["user"] is None:
        return match["scheme"]
    return f"{match['scheme']}{match['user']}:{HIDDEN}@"


class Location(NamedTuple):
    """One location, taken apart; prints itself without its secrets.

    Attributes:
        scheme: In lower case, `+driver` included.
        username: Decoded, or None.
        password: Decoded, or None.
        host: Without brackets or port, or None.
        port: Or None.
        path: As given, percent-encoding kept.
        query: Names and values, decoded, in their order.
        raw: As given; for `redact_location` only.
    """

    scheme: str
    username: str | None
    password: str | None
    host: str | None
    port: int | None
    path: str
    query: tuple[tuple[str, str], ...]
    raw: str

    def __str__(self) -> str:
        return redact_location(self.raw)

    def __repr__(self) -> str:
        return f"Location({redact_location(self.raw)!r})"

    def parameter(self, name: str) -> str | None:
        """Return the value of a query parameter, or None."""
        return dict(self.query).get(name)


def parse(uri: str) -> Location:
    """Take a location apart.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE for a scheme, host, port, percent escape or
            control character that cannot be, or a query parameter that is given twice.
    """
    if re.search(_CONTROL, uri):
        raise _refuse(uri, "it holds a control character")
    try:
        parts = urllib.parse.urlsplit(uri)
    except ValueError as error:
        raise _refuse(uri, str(error)) from None
    if not re.match(_SCHEME, parts.scheme):
        raise _refuse(uri, "it has no scheme (scheme://…)")
    for piece in (parts.netloc, parts.path):
        if re.search(_BAD_ESCAPE, piece):
            raise _refuse(uri, "a '%' in it is not followed by two hexadecimal digits (write %25)")
    try:
        port = parts.port
    except ValueError:
        raise _refuse(uri, "its port is not a number from 0 to 65535") from None
    query = tuple(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
    names = [name for name, _ in query]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise _refuse(uri, f"parameter {min(repeated)!r} is given twice")
    return Location(
        scheme=parts.scheme,
        username=_decode(parts.username),
        password=_decode(parts.password),
        host=parts.hostname,
        port=port,
        path=parts.path,
        query=query,
        raw=uri,
    )


def _decode(text: str | None) -> str | None:
    return None if text is None else urllib.parse.unquote(text)


def _refuse(uri: str, why: str) -> Exception:
    from mlflow_plugin_core import errors

    return errors.invalid_parameter(errors.explain("Invalid location", location=uri, why=why))
