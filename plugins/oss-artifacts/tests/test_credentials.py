"""Which access key is taken, and where it may go."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from mlflow_oss_artifacts import opening
from mlflow_oss_artifacts.providers import Keys, Provider, Renewed

_ALIBABA = "oss://bucket/a?endpoint=oss-cn-hangzhou.aliyuncs.com"
_PAIRS = (
    ("MLFLOW_OSS_KEY_ID", "MLFLOW_OSS_KEY_SECRET"),
    ("OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET"),
    ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
)


def _provider(location: str = _ALIBABA) -> Provider:
    return opening.prepare(location).target.provider


def _write_ini(text: str, mode: int = 0o600) -> Path:
    file = Path(os.environ["HOME"], ".alibabacloud", "credentials.ini")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)
    return file


def _write_json(*profiles: dict[str, str], current: str = "default") -> None:
    file = Path(os.environ["HOME"], ".aliyun", "config.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"current": current, "profiles": profiles}))
    file.chmod(0o600)


def test_the_names_are_looked_at_in_their_documented_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _write_ini("[default]\naccess_key_id = profile\naccess_key_secret = s\n")
    found = [_provider().get().key_id]
    for number, (key_id, secret) in enumerate(reversed(_PAIRS)):
        monkeypatch.setenv(key_id, str(number))
        monkeypatch.setenv(secret, "secret")
        found.append(_provider().get().key_id)
    _write_ini(
        "[default]\naccess_key_id = p\naccess_key_secret = s\n"
        "[ml]\naccess_key_id = ml\naccess_key_secret = s\n"
    )
    found.append(_provider(f"{_ALIBABA}&profile=ml").get().key_id)
    found.append(_provider("oss://own:secret@bucket/a?region=cn-hangzhou").get().key_id)

    assert found == ["profile", "0", "1", "2", "ml", "own"]


@pytest.mark.parametrize(("key_id", "secret"), _PAIRS)
@pytest.mark.parametrize("is_id", [True, False])
def test_half_a_key_is_an_error_that_names_both_variables(
    key_id: str, secret: str, is_id: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(key_id if is_id else secret, "half-of-it")

    with pytest.raises(MlflowException) as caught:
        _provider()

    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    assert key_id in caught.value.message
    assert secret in caught.value.message
    assert "half-of-it" not in caught.value.message


def test_an_oidc_role_comes_before_the_role_of_the_instance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert _provider().name == "RAM role of this ECS instance"
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA", "the-role")
    assert _provider().name == "RAM role 'the-role' of this ECS instance"
    monkeypatch.setenv("ALIBABA_CLOUD_CREDENTIALS_URI", "http://127.0.0.1/key")
    assert _provider().name == "ALIBABA_CLOUD_CREDENTIALS_URI"
    monkeypatch.setenv("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/ml")
    monkeypatch.setenv("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/ack")
    monkeypatch.setenv("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/token")
    assert _provider().name == "RAM role acs:ram::1:role/ml by OIDC"


def test_without_any_key_and_without_metadata_one_is_told_what_to_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")

    with pytest.raises(MlflowException, match="MLFLOW_OSS_KEY_ID"):
        _provider()


@pytest.mark.parametrize(
    ("entry", "key_id", "token"),
    [
        ({"mode": "AK", "access_key_id": "ak", "access_key_secret": "s"}, "ak", None),
        ({"access_key_id": "ak", "access_key_secret": "s"}, "ak", None),
        (
            {"mode": "StsToken", "access_key_id": "k", "access_key_secret": "s", "sts_token": "t"},
            "k",
            "t",
        ),
    ],
)
def test_the_command_lines_profiles_are_read(
    entry: dict[str, str], key_id: str, token: str | None
) -> None:
    _write_json({"name": "ml", **entry}, {"name": "other"}, current="ml")

    for location in (_ALIBABA, f"{_ALIBABA}&profile=ml"):
        found = _provider(location).get()
        assert (found.key_id, found.token) == (key_id, token)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[ml]\ntype = ecs_ram_role\nrole_name = r\n", "RAM role 'r' of this ECS instance"),
        (
            "[ml]\ntype=oidc_role_arn\nrole_arn=arn\noidc_provider_arn=p\noidc_token_file_path=/t\n",
            "RAM role arn by OIDC",
        ),
    ],
)
def test_a_profile_can_name_a_role(text: str, name: str) -> None:
    _write_ini(text)

    assert _provider(f"{_ALIBABA}&profile=ml").name == name


def test_a_profile_that_names_its_session_is_a_key_of_its_own() -> None:
    role = "type=oidc_role_arn\nrole_arn=arn\noidc_provider_arn=p\noidc_token_file_path=/t\n"
    _write_ini(f"[ml]\n{role}[named]\n{role}role_session_name=training\n")

    usual, named = (_provider(f"{_ALIBABA}&profile={name}") for name in ("ml", "named"))

    assert usual.identity != named.identity
    assert "training" in str(named.identity)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[other]\naccess_key_id = i\n", "There is no profile 'ml'"),
        ("[ml]\naccess_key_id = i\n", "access_key_secret"),
        ("[ml]\ntype = sts\naccess_key_id = i\naccess_key_secret = s\n", "security_token"),
        ("[ml]\ntype = ram_role_arn\n", "'ram_role_arn' is not supported"),
        ("no section, but s3cret-text\n", "neither an INI file nor"),
        ('{"profiles": 1, "s3cret-text": 2}', "neither an INI file nor"),
    ],
)
def test_a_profile_that_cannot_be_used_is_told_without_the_files_text(
    text: str, words: str
) -> None:
    _write_ini(text)

    with pytest.raises(MlflowException, match=words) as caught:
        _provider(f"{_ALIBABA}&profile=ml")

    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    assert "s3cret" not in caught.value.message


def test_a_file_that_is_named_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_OSS_CREDENTIALS_FILE", "/no/such/file")

    with pytest.raises(MlflowException, match="there is no such file"):
        _provider()


@pytest.mark.skipif(os.name != "posix", reason="other systems have other rights")
def test_a_file_that_others_can_read_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    file = _write_ini("[ml]\naccess_key_id = i\naccess_key_secret = s\n", mode=0o644)

    assert _provider(f"{_ALIBABA}&profile=ml")

    assert f"chmod 600 {file}" in caplog.text


@pytest.mark.parametrize(
    ("endpoint", "own"),
    [
        ("oss-cn-hangzhou.aliyuncs.com", ""),
        ("oss-cn-hangzhou-internal.aliyuncs.com", ""),
        ("oss-accelerate.aliyuncs.com", ""),
        ("oss-accelerate-overseas.aliyuncs.com", ""),
        ("bucket.cn-hangzhou.oss.aliyuncs.com", ""),
        ("oss.example.com", "https://oss.example.com"),
        ("https://oss.example.com:443", "oss.example.com"),
    ],
)
def test_a_key_goes_to_alibaba_and_to_the_operators_endpoint(
    endpoint: str, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_OSS_KEY_ID", "id")
    monkeypatch.setenv("MLFLOW_OSS_KEY_SECRET", "secret")
    monkeypatch.setenv("MLFLOW_OSS_ENDPOINT_URL", own)

    assert _provider(f"oss://bucket/a?endpoint={endpoint}").get().key_id == "id"


@pytest.mark.parametrize(
    "endpoint",
    [
        "evil.example.com",
        "aliyuncs.com.evil.example",
        "evilaliyuncs.com",
        # Functions that any customer of Alibaba Cloud can run.
        "1234.cn-hangzhou.fc.aliyuncs.com",
        "cn-hangzhou.fc.aliyuncs.com",
        "oss-accelerate.aliyuncs.com.evil.example",
        "http://oss.example.com",
        "oss.example.com:8443",
    ],
)
def test_a_key_goes_nowhere_else(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_OSS_KEY_ID", "id")
    monkeypatch.setenv("MLFLOW_OSS_KEY_SECRET", "secret")
    monkeypatch.setenv("MLFLOW_OSS_ENDPOINT_URL", "oss.example.com")

    with pytest.raises(MlflowException, match="is not sent to") as caught:
        _provider(f"oss://bucket/a?endpoint={endpoint}")

    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


def test_a_profile_goes_to_the_endpoint_that_it_names() -> None:
    _write_ini(
        "[ml]\naccess_key_id = i\naccess_key_secret = s\nendpoint = https://oss.example.com\n"
    )

    assert _provider("oss://bucket/a?endpoint=oss.example.com&profile=ml").get().key_id == "i"
    with pytest.raises(MlflowException, match="is not sent to"):
        _provider("oss://bucket/a?endpoint=evil.example.com&profile=ml")


def test_keys_print_themselves_without_their_secrets() -> None:
    keys = Keys("id", "s3cret", "t0ken")

    assert "s3cret" not in f"{keys} {keys!r}"
    assert "t0ken" not in f"{keys} {keys!r}"


class _Source:
    """Hands out numbered keys that end, or fails."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.count = 0
        self.fails = False

    def fetch(self) -> Keys:
        if self.fails:
            message = "the source is down"
            raise OSError(message)
        self.count += 1
        return Keys(f"key-{self.count}", "secret", "token", self.now + 3_600)

    def provider(self) -> Renewed:
        return Renewed("a test", self.fetch, clock=lambda: self.now)


def test_a_key_is_kept_until_five_minutes_before_its_end() -> None:
    source = _Source()
    provider = source.provider()
    found = []
    for passed in (0, 3_299, 2, 3_000):
        source.now += passed
        found.append(provider.get().key_id)

    assert found == ["key-1", "key-1", "key-2", "key-2"]


def test_a_source_that_is_down_for_a_moment_is_no_error_while_the_key_is_good(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    source = _Source()
    provider = source.provider()
    provider.get()
    source.fails = True
    source.now += 3_500

    assert provider.get().key_id == "key-1"
    assert "the source is down" in caplog.text
    source.now += 200
    with pytest.raises(OSError, match="the source is down"):
        provider.get()


def test_several_threads_that_were_refused_fetch_one_new_key() -> None:
    source = _Source()
    provider = source.provider()
    refused = provider.get()

    assert provider.renew(refused)
    assert provider.renew(refused)

    assert provider.get().key_id == "key-2"
    assert source.count == 2


def test_clients_are_shared_by_locations_with_the_same_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_OSS_KEY_ID", "id")
    monkeypatch.setenv("MLFLOW_OSS_KEY_SECRET", "secret")
    first = opening.client_for(opening.prepare(_ALIBABA).target)
    assert opening.client_for(opening.prepare(_ALIBABA.replace("/a", "/b")).target) is first

    monkeypatch.setenv("MLFLOW_OSS_KEY_SECRET", "another")

    assert opening.client_for(opening.prepare(_ALIBABA).target) is not first


def test_a_forked_child_has_clients_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("this system does not fork")
    monkeypatch.setenv("MLFLOW_OSS_KEY_ID", "id")
    monkeypatch.setenv("MLFLOW_OSS_KEY_SECRET", "secret")
    target = opening.prepare(_ALIBABA).target
    first = opening.client_for(target)

    child = os.fork()
    if not child:
        os._exit(0 if opening.client_for(target) is not first else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert opening.client_for(target) is first


@pytest.mark.parametrize(
    ("lasting", "passed", "key_id"),
    [
        (43_200, 1_700, "key-1"),
        # Half of the session is as long as any key of this source lasts at least.
        (43_200, 1_900, "key-2"),
        (900, 1_900, "key-1"),
        (900, 2_800, "key-2"),
        (0, 2_800, "key-1"),
    ],
)
def test_what_is_signed_to_last_is_signed_with_a_key_that_lasts(
    lasting: float, passed: float, key_id: str
) -> None:
    source = _Source()
    provider = source.provider()
    provider.get()
    source.now += passed

    assert provider.get(lasting).key_id == key_id


def test_a_source_without_a_later_key_is_not_asked_for_every_address() -> None:
    source = _Source()
    ends = source.now + 3_600
    provider = Renewed(
        "a test", lambda: source.fetch()._replace(expires=ends), clock=lambda: source.now
    )
    provider.get()
    source.now += 2_000

    for _ in range(1_000):
        provider.get(43_200)

    assert source.count == 2


def test_workers_that_wait_for_a_key_share_the_failure_of_the_one_that_fetches() -> None:
    began = threading.Barrier(8)
    attempts = []

    def fetch() -> Keys:
        attempts.append(1)
        time.sleep(0.2)
        message = "the source is down"
        raise OSError(message)

    provider = Renewed("a test", fetch)

    def ask(_: int) -> str:
        began.wait()
        with pytest.raises(OSError, match="the source is down") as caught:
            provider.get()
        return str(caught.value)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))

    assert len(found) == 8
    assert len(attempts) == 1


def test_a_usual_file_that_cannot_be_there_counts_as_absent() -> None:
    home = Path(os.environ["HOME"])
    home.mkdir()
    # A service's home may be a place where nothing can be looked for.
    (home / ".alibabacloud").write_text("not a folder")

    assert _provider().name == "RAM role of this ECS instance"
