"""Options of a plugin: from the URI, the environment, a file, or the default, in this order.

    class StoreSettings(PluginSettings):
        model_config = SettingsConfigDict(env_prefix="MLFLOW_STORE_")

        endpoint: str | None = option(None, help="URL of the service.", parameter="endpoint")
        token: SecretStr | None = option(None, help="Access token.")

    settings = StoreSettings.load({"endpoint": "https://…"}, location=uri)
    settings.source_of("endpoint")  # "URI parameter"

Every value knows where it came from, so an error can name the setting, its source and the remedy.
This module imports pydantic: import it at first use, never while MLflow loads plugins.
"""

from __future__ import annotations

import difflib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_settings import PydanticBaseSettingsSource
    from typing_extensions import Self

URI, ENVIRONMENT, FILE, DEFAULT = "URI parameter", "environment", "settings file", "default"


@dataclass(frozen=True)
class SettingInfo:
    """What a table of settings shows of one option."""

    name: str
    environment: str
    uri_parameter: str | None
    default: str
    help: str
    secret: bool


def option(
    default: Any = ...,  # noqa: ANN401  # of the option's own type, which pydantic checks
    *,
    help: str,  # noqa: A002  # the word that command lines use
    parameter: str | None = None,
    environment: str | None = None,
    **constraints: Any,  # noqa: ANN401  # pydantic's: ge, le, pattern, …
) -> Any:  # noqa: ANN401  # a pydantic field, standing where the value's type is declared
    """Declare one option.

    Args:
        default: Its value when nobody sets it.
        help: One sentence for the table of settings; units included.
        parameter: Its name in the query of a location; None where a location may not set it.
        environment: Its environment name, where that is not the prefix and the option's name.
        **constraints: pydantic's.
    """
    return Field(
        default,
        description=help,
        validation_alias=environment,
        json_schema_extra={"parameter": parameter, "environment": environment},
        **constraints,
    )


class PluginSettings(BaseSettings):
    """Base of a plugin's settings; frozen, and without secrets in its text."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_ignore_empty=True)

    _sources: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # pydantic-settings' signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from `load` alone, which remembers where each one came from."""
        return (init_settings,)

    @classmethod
    def load(cls, parameters: Mapping[str, str] | None = None, *, location: str = "") -> Self:
        """Gather the settings for one location.

        Args:
            parameters: The query of the location.
            location: For messages; redacted.

        Raises:
            MlflowException: INVALID_PARAMETER_VALUE naming the setting, its source and the remedy.
        """
        given = cls._from_uri(parameters or {}, location)
        values: dict[str, Any] = {}
        sources: dict[str, str] = {}
        for source, found in (
            (FILE, cls._from_file()),
            (ENVIRONMENT, cls._from_environment()),
            (URI, given),
        ):
            values |= found
            sources |= dict.fromkeys(found, source)
        keys = {name: cls.model_fields[name].validation_alias or name for name in values}
        try:
            settings = cls(**{str(keys[name]): value for name, value in values.items()})
        except ValidationError as error:
            raise cls._explain(error, sources, location) from None
        settings._sources.update(sources)
        return settings

    def source_of(self, name: str) -> str:
        """Return where the value of an option came from."""
        return self._sources.get(name, DEFAULT)

    @classmethod
    def describe(cls) -> list[SettingInfo]:
        """Return every option, for tables and messages."""
        found = []
        for name, field in cls.model_fields.items():
            extra = field.json_schema_extra
            parameter = extra.get("parameter") if isinstance(extra, dict) else None
            default = "" if field.default in (None, "") else str(field.default)
            found.append(
                SettingInfo(
                    name=name,
                    environment=cls._environment_name(name),
                    uri_parameter=str(parameter) if parameter else None,
                    default=default,
                    help=field.description or "",
                    secret="SecretStr" in str(field.annotation),
                )
            )
        return found

    @classmethod
    def _environment_name(cls, name: str) -> str:
        alias = cls.model_fields[name].validation_alias
        if isinstance(alias, str):
            return alias
        return f"{cls.model_config.get('env_prefix', '')}{name}".upper()

    @classmethod
    def _from_environment(cls) -> dict[str, Any]:
        names = {name: cls._environment_name(name) for name in cls.model_fields}
        # An empty value is how many shells and manifests say "not set".
        return {name: os.environ[env] for name, env in names.items() if os.environ.get(env)}

    @classmethod
    def _from_uri(cls, parameters: Mapping[str, str], location: str) -> dict[str, Any]:
        infos = cls.describe()
        known = {info.uri_parameter: info.name for info in infos if info.uri_parameter}
        found: dict[str, Any] = {}
        for parameter, value in parameters.items():
            if parameter in known:
                found[known[parameter]] = value
                continue
            for info in infos:
                if parameter == info.name:
                    remedy = f"set {info.environment} in the environment"
                    break
            else:
                near = difflib.get_close_matches(parameter, known, n=1)
                listed = ", ".join(sorted(known))
                remedy = f"did you mean {near[0]!r}?" if near else f"known are: {listed}"
            message = errors.explain(
                f"Unknown parameter {parameter!r}", location=location, remedy=remedy
            )
            raise errors.invalid_parameter(message)
        return found

    @classmethod
    def _from_file(cls) -> dict[str, Any]:
        variable = cls._settings_file()
        name = os.environ.get(variable)
        if not name:
            return {}
        try:
            found = json.loads(Path(name).read_text(encoding="utf-8"))
            # One file serves all kinds of settings that a plugin has; each takes its own of it.
            known = dict.fromkeys(cls.model_fields)
            for kind in _kinds(PluginSettings):
                if kind._settings_file() == variable:  # noqa: SLF001  # of this very class
                    known |= dict.fromkeys(kind.model_fields)
            unknown = found.keys() - known.keys()
        except (OSError, ValueError, AttributeError) as error:
            # The text of a JSON error quotes the file, which may hold a secret.
            why = error.strerror if isinstance(error, OSError) else "it is not a JSON object"
            message = errors.explain(f"Cannot read {variable}", location=name, why=why)
            raise errors.invalid_parameter(message) from None
        if unknown:
            message = errors.explain(
                f"Unknown settings in the file that {variable} names",
                location=name,
                why=", ".join(sorted(unknown)),
                remedy=f"known are: {', '.join(known)}",
            )
            raise errors.invalid_parameter(message)
        return {name: value for name, value in found.items() if name in cls.model_fields}

    @classmethod
    def _settings_file(cls) -> str:
        return f"{cls.model_config.get('env_prefix', '')}SETTINGS_FILE".upper()

    @classmethod
    def _explain(
        cls, error: ValidationError, sources: Mapping[str, str], location: str
    ) -> Exception:
        first = error.errors(include_url=False, include_context=False)[0]
        written = str(first["loc"][0]) if first["loc"] else ""
        infos = {info.name: info for info in cls.describe()}
        by_environment = {info.environment: info for info in infos.values()}
        info = infos.get(written) or by_environment.get(written)
        if info is None:
            return errors.invalid_parameter(errors.explain("Invalid settings", why=first["msg"]))
        source = sources.get(info.name, DEFAULT)
        name = info.uri_parameter if source == URI else info.environment
        # Of what is missing pydantic shows all that was given, secrets of other options included.
        is_hidden = info.secret or first["type"] == "missing"
        shown = "" if is_hidden else f" (it is {first['input']!r})"
        message = errors.explain(
            f"{name} ({source}) cannot be used",
            location=location,
            why=f"{first['msg']}{shown}",
            remedy=info.help,
        )
        return errors.invalid_parameter(message)


def _kinds(base: type[PluginSettings]) -> Iterator[type[PluginSettings]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds(kind)


__all__ = ["PluginSettings", "SecretStr", "SettingInfo", "option"]
