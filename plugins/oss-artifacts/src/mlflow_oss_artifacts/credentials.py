"""Which access key goes to which endpoint; nothing is fetched here.

The first of these that is there is taken, so a key never depends on which service answers:

1. the location's own (`oss://id:secret@bucket`), which is warned about;
2. the profile that the location or MLFLOW_OSS_PROFILE names;
3. MLFLOW_OSS_KEY_ID, MLFLOW_OSS_KEY_SECRET, MLFLOW_OSS_SECURITY_TOKEN;
4. OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET, OSS_SESSION_TOKEN, as Alibaba's OSS SDKs read them;
5. ALIBABA_CLOUD_ACCESS_KEY_ID, …_SECRET, ALIBABA_CLOUD_SECURITY_TOKEN, as its other SDKs do;
6. an OIDC role: ALIBABA_CLOUD_ROLE_ARN, ALIBABA_CLOUD_OIDC_PROVIDER_ARN and …_OIDC_TOKEN_FILE;
7. ALIBABA_CLOUD_CREDENTIALS_URI;
8. ALIBABA_CLOUD_PROFILE, or the default profile of a credentials file;
9. the RAM role of this ECS instance.

A location is text that any user of a tracking server may write, and OSS's signature does not cover
the host: a server that was sent a signed request can pass it on to OSS. So 2 to 9 go to OSS's own
endpoints, to the one that the operator configured, and to the one that their profile names.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from mlflow_oss_artifacts import endpoints, profiles, sources
from mlflow_oss_artifacts.providers import Fixed, Keys, Provider, Renewed
from mlflow_plugin_core import errors, notices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow_oss_artifacts.endpoints import Endpoint
    from mlflow_oss_artifacts.location import OssLocation
    from mlflow_oss_artifacts.profiles import Profile
    from mlflow_oss_artifacts.settings import OssSettings

_logger = logging.getLogger(__name__)

_OSS = ("OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN")
_ALIBABA = (
    "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "ALIBABA_CLOUD_SECURITY_TOKEN",
)
_OIDC = (
    "ALIBABA_CLOUD_ROLE_ARN",
    "ALIBABA_CLOUD_OIDC_PROVIDER_ARN",
    "ALIBABA_CLOUD_OIDC_TOKEN_FILE",
)
_SESSION = "mlflow-oss-artifacts"


def find(
    place: OssLocation,
    settings: OssSettings,
    endpoint: Endpoint,
    environ: Mapping[str, str] | None = None,
) -> Provider:
    """Return what hands out the keys for a location.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE for half a key, a profile that cannot be used, and
            an endpoint that the key may not be sent to.
    """
    found = os.environ if environ is None else environ
    if place.key_id and place.key_secret:
        notices.warn_once(
            f"key-in-location:{place.bucket}",
            f"The artifact location {place} holds an access key: it is stored in the tracking "
            "database and shown in the UI. Leave it out and set MLFLOW_OSS_KEY_ID and "
            "MLFLOW_OSS_KEY_SECRET, or name a profile.",
            _logger,
        )
        return Fixed("the location", Keys(place.key_id, place.key_secret))
    if settings.profile:
        profile = profiles.find(settings.profile, settings.credentials_file, found)
        if profile is None:
            message = "unreachable: a named profile is found or refused"
            raise AssertionError(message)
        _check_destination(place, endpoint, profile)
        return _from_profile(profile, settings, found)
    _check_destination(place, endpoint, None)
    return _from_environment(settings, found) or _from_elsewhere(settings, found)


def _from_environment(settings: OssSettings, found: Mapping[str, str]) -> Provider | None:
    secret, token = settings.key_secret, settings.security_token
    own = (
        settings.key_id,
        secret.get_secret_value() if secret else None,
        token.get_secret_value() if token else None,
    )
    names = ("MLFLOW_OSS_KEY_ID", "MLFLOW_OSS_KEY_SECRET", "MLFLOW_OSS_SECURITY_TOKEN")
    for (id_name, secret_name, _), (key_id, key_secret, key_token) in (
        (names, own),
        (_OSS, tuple(found.get(name) for name in _OSS)),
        (_ALIBABA, tuple(found.get(name) for name in _ALIBABA)),
    ):
        if key_id and key_secret:
            return Fixed(f"{id_name} (environment)", Keys(key_id, key_secret, key_token or None))
        if key_id or key_secret:
            there, missing = (id_name, secret_name) if key_id else (secret_name, id_name)
            message = errors.explain(
                f"{there} is set and {missing} is not", remedy=f"set both, or remove {there}"
            )
            raise errors.invalid_parameter(message)
    return None


def _from_elsewhere(settings: OssSettings, found: Mapping[str, str]) -> Provider:
    role_arn, provider_arn, token_file = (found.get(name) for name in _OIDC)
    if role_arn and provider_arn and token_file:
        return _oidc(role_arn, provider_arn, token_file, settings, found)
    if url := found.get("ALIBABA_CLOUD_CREDENTIALS_URI"):
        return Renewed("ALIBABA_CLOUD_CREDENTIALS_URI", lambda: sources.from_url(url), url)
    name = found.get("ALIBABA_CLOUD_PROFILE")
    if profile := profiles.find(name, settings.credentials_file, found):
        return _from_profile(profile, settings, found)
    if found.get("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "").lower() == "true":
        message = errors.explain(
            "No access key for Alibaba Cloud OSS was found",
            why="there is none in the environment, no profile, and the metadata service is disabled",
            remedy="set MLFLOW_OSS_KEY_ID and MLFLOW_OSS_KEY_SECRET, or name a profile",
        )
        raise errors.invalid_parameter(message)
    return _instance(settings.ram_role or found.get("ALIBABA_CLOUD_ECS_METADATA"), settings)


def _from_profile(profile: Profile, settings: OssSettings, found: Mapping[str, str]) -> Provider:
    if profile.kind == "ecs_ram_role":
        return _instance(profile.fields.get("role_name"), settings)
    if profile.kind == "oidc_role_arn":
        return _oidc(
            profile.need("role_arn"),
            profile.need("oidc_provider_arn"),
            profile.need("oidc_token_file_path"),
            settings,
            found,
            profile.fields.get("role_session_name"),
        )
    if profile.kind not in {"access_key", "sts"}:
        message = errors.explain(
            f"The profile {profile.name!r} cannot be used",
            location=str(profile.file),
            why=f"its type {profile.kind!r} is not supported",
            remedy="use access_key, sts, ecs_ram_role or oidc_role_arn",
        )
        raise errors.invalid_parameter(message)

    def read() -> Keys:
        # Whoever renews a token writes it into the file.
        again = profiles.find(profile.name, str(profile.file))
        return _keys_of(again or profile)

    return Renewed(f"profile {profile.name!r} of {profile.file}", read, _keys_of(profile))


def _keys_of(profile: Profile) -> Keys:
    token = profile.need("security_token") if profile.kind == "sts" else None
    return Keys(profile.need("access_key_id"), profile.need("access_key_secret"), token)


def _instance(role: str | None, settings: OssSettings) -> Provider:
    base = settings.metadata_url.rstrip("/")
    name = f"RAM role {role!r} of this ECS instance" if role else "RAM role of this ECS instance"
    return Renewed(name, lambda: sources.from_metadata(base, role), base)


def _oidc(
    role_arn: str,
    provider_arn: str,
    token_file: str,
    settings: OssSettings,
    found: Mapping[str, str],
    session_name: str | None = None,
) -> Provider:
    region = found.get("ALIBABA_CLOUD_STS_REGION")
    usual = f"https://sts.{region}.aliyuncs.com" if region else "https://sts.aliyuncs.com"
    sts_url = (settings.sts_url or usual).rstrip("/")
    session = session_name or found.get("ALIBABA_CLOUD_ROLE_SESSION_NAME") or _SESSION

    def fetch() -> Keys:
        return sources.from_oidc(
            role_arn=role_arn,
            provider_arn=provider_arn,
            token_file=token_file,
            session=session,
            sts_url=sts_url,
            seconds=settings.session_seconds,
            options=sources.sts_options(settings.ca_file, settings.proxy),
        )

    identity = (provider_arn, token_file, session, sts_url, settings.session_seconds)
    return Renewed(f"RAM role {role_arn} by OIDC", fetch, identity)


def _check_destination(place: OssLocation, endpoint: Endpoint, profile: Profile | None) -> None:
    if endpoint.is_alibaba or not endpoint.chosen_by_location:
        return
    if profile is not None and endpoints.same_host(profile.fields.get("endpoint", ""), endpoint):
        return
    if _is_configured(endpoint):
        return
    what = f"The profile {profile.name!r}" if profile else "The access key of this machine"
    message = errors.explain(
        f"{what} is not sent to {endpoint.netloc}",
        location=place.uri,
        why="the location names an endpoint that the key was not configured for, and a request "
        "that is signed for OSS is worth as much elsewhere",
        remedy=f"set MLFLOW_OSS_ENDPOINT_URL={endpoint.url}, or name a profile that has "
        f"'endpoint = {endpoint.url}'",
    )
    raise errors.invalid_parameter(message)


def _is_configured(endpoint: Endpoint) -> bool:
    """Tell whether the operator's own settings name this endpoint too."""
    from mlflow_oss_artifacts.settings import OssSettings

    own = OssSettings.load().endpoint_url or os.environ.get("OSS_ENDPOINT")
    return bool(own) and endpoints.same_host(str(own), endpoint)
