"""Profiles: access keys by name in the files that Alibaba's SDKs and command line read.

    [ml]                                       # ~/.alibabacloud/credentials.ini
    type = access_key
    access_key_id = …
    access_key_secret = …
    endpoint = https://oss.example.com

The line `endpoint` is ours: the one endpoint beside Alibaba's own that the key may be sent to. The
command line keeps the same in `~/.aliyun/config.json`, under `profiles`.
"""

from __future__ import annotations

import configparser
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlflow_plugin_core import errors, notices

if TYPE_CHECKING:
    from collections.abc import Mapping

_logger = logging.getLogger(__name__)

# The command line's modes by the names of the SDKs' types.
_MODES = {
    "AK": "access_key",
    "StsToken": "sts",
    "EcsRamRole": "ecs_ram_role",
    "OIDC": "oidc_role_arn",
}
# The command line's names of fields by the SDKs'.
_FIELDS = {
    "sts_token": "security_token",
    "ram_role_name": "role_name",
    "ram_role_arn": "role_arn",
    "oidc_token_file": "oidc_token_file_path",
    "ram_session_name": "role_session_name",
}


class Profile(NamedTuple):
    """One profile.

    Attributes:
        name: Its name.
        file: Where it stands.
        kind: access_key, sts, ecs_ram_role, oidc_role_arn, or one that is not supported.
        fields: The rest of it.
    """

    name: str
    file: Path
    kind: str
    fields: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Profile({self.name!r}, {self.kind!r})"

    def need(self, field: str) -> str:
        """Return a field.

        Raises:
            MlflowException: INVALID_PARAMETER_VALUE where it is missing.
        """
        value = self.fields.get(field)
        if not value:
            why = f"it has no {field!r}, which the type {self.kind!r} needs"
            message = errors.explain(
                f"The profile {self.name!r} cannot be used", location=str(self.file), why=why
            )
            raise errors.invalid_parameter(message)
        return value


def find(
    name: str | None, credentials_file: str | None, environ: Mapping[str, str] | None = None
) -> Profile | None:
    """Look for a profile.

    Args:
        name: Its name; None for the default one, which may be missing.
        credentials_file: The one file to look into, or None for the usual ones.
        environ: For tests.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE where a named one is missing, or a file cannot be
            read.
    """
    found = os.environ if environ is None else environ
    chosen = credentials_file or found.get("ALIBABA_CLOUD_CREDENTIALS_FILE")
    files = [Path(chosen)] if chosen else _usual()
    for file in files:
        profile = _read(file, name, needed=bool(chosen))
        if profile is not None:
            return profile
    if name is None:
        return None
    message = errors.explain(
        f"There is no profile {name!r}",
        why=f"looked in {' and '.join(map(str, files))}",
        remedy="write it there, or set MLFLOW_OSS_CREDENTIALS_FILE to the file that has it",
    )
    raise errors.invalid_parameter(message)


def _usual() -> list[Path]:
    home = Path.home()
    return [home / ".alibabacloud" / "credentials.ini", home / ".aliyun" / "config.json"]


def _read(file: Path, name: str | None, *, needed: bool) -> Profile | None:
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        if not needed:
            return None
        raise _unreadable(file, "there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, PermissionError) and not needed and name is None:
            # Nobody asked for it, and other keys may be there.
            return None
        raise _unreadable(file, getattr(error, "strerror", None) or "it is not text") from None
    if os.name == "posix" and file.stat().st_mode & 0o077:
        notices.warn_once(
            f"credentials-file-mode:{file}",
            f"The credentials file {file} can be read by other users of this machine: "
            f"chmod 600 {file}",
            _logger,
        )
    try:
        if text.lstrip().startswith("{"):
            return _from_json(file, text, name)
        return _from_ini(file, text, name)
    except (ValueError, configparser.Error, AttributeError, KeyError, TypeError):
        # The error's own text could quote the file, and so a secret.
        raise _unreadable(file, "it is neither an INI file nor the command line's JSON") from None


def _from_ini(file: Path, text: str, name: str | None) -> Profile | None:
    # Without interpolation: a secret may hold a percent sign.
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    section = name or "default"
    if not parser.has_section(section):
        return None
    fields = {key: value.strip() for key, value in parser.items(section)}
    return Profile(section, file, fields.pop("type", "access_key"), fields)


def _from_json(file: Path, text: str, name: str | None) -> Profile | None:
    content = json.loads(text)
    wanted = name or content.get("current") or "default"
    for entry in content["profiles"]:
        if entry["name"] == wanted:
            mode = entry.get("mode") or "AK"
            fields = {_FIELDS.get(key, key): str(value) for key, value in entry.items() if value}
            return Profile(wanted, file, _MODES.get(mode, mode), fields)
    return None


def _unreadable(file: Path, why: str) -> Exception:
    message = errors.explain("Cannot read the credentials file", location=str(file), why=why)
    return errors.invalid_parameter(message)
