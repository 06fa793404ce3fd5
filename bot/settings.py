"""The environment, then `.env`, becomes one frozen object per process, or one line for each fault.

A process's class holds what that process may know: a worker has no field for a platform's token and an adapter none
for a model's key. `load` reads; nothing else in the project looks at the environment for a setting.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot import forms
from bot.errors import SettingsError
from bot.forms import Admin

S = TypeVar("S", bound="Settings")

LATER = {"later": True}  # fixed in meaning by docs/interface.md and not in force yet
NOT_SET = SecretStr("")
CLEARED = ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET")  # they make Bolt discard the bot token


def _checked(check: Any) -> BeforeValidator:
    """A secret's text is checked before it is wrapped."""
    return BeforeValidator(lambda value: check(value) if isinstance(value, str) else value)


Secret = Annotated[SecretStr, _checked(forms.secret)]


class Settings(BaseSettings):
    """What every process reads."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        case_sensitive=True,
        env_ignore_empty=True,  # `NAME=` is not set
        env_file_encoding="utf-8",
        populate_by_name=True,
        validate_default=True,
    )

    redis_url: Annotated[str, AfterValidator(forms.redis_address)] = Field(
        validation_alias="REDIS_URL",
        description="redis://, rediss:// or unix:// address of Redis 7.0 or newer: the store and the Celery broker",
    )
    broker_url: str = Field(
        "",
        validation_alias="SWITCHBOARD_BROKER_URL",
        description="a broker of its own for Celery",
        json_schema_extra=LATER,
    )
    prefix: Annotated[str, AfterValidator(forms.key_prefix)] = Field(
        "switchboard:",
        validation_alias="SWITCHBOARD_PREFIX",
        description="what every key in Redis begins with, so that several bots can share a server",
    )
    models_file: Path | None = Field(
        None,
        validation_alias="SWITCHBOARD_MODELS_FILE",
        description="the operator's models.toml, merged over the catalog that ships",
    )
    default_model: str = Field(
        "gpt-4o",
        validation_alias="SWITCHBOARD_DEFAULT_MODEL",
        description="alias of the model that answers where nobody chose another",
    )
    context_tokens: int = Field(
        16_000,
        ge=1_000,
        le=2_000_000,
        validation_alias="SWITCHBOARD_CONTEXT_TOKENS",
        description="tokens of a conversation that are kept and sent to the model",
    )
    context_ttl_hours: float = Field(
        24,
        gt=0,
        le=24 * 90,
        validation_alias="SWITCHBOARD_CONTEXT_TTL_HOURS",
        description="hours after which a silent conversation is forgotten",
    )
    lease_seconds: float = Field(
        8,
        ge=0.5,
        le=120,
        validation_alias="SWITCHBOARD_LEASE_SECONDS",
        description="how long a silent worker keeps a conversation",
    )
    drain_seconds: float = Field(
        25,
        ge=0,
        le=3600,
        validation_alias="SWITCHBOARD_DRAIN_SECONDS",
        description="how long a process that is told to end may finish what it holds",
    )
    log_format: Literal["console", "json"] = Field(
        "console",
        validation_alias="SWITCHBOARD_LOG_FORMAT",
        description="logs for people or for machines, on standard error",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", validation_alias="SWITCHBOARD_LOG_LEVEL", description="the least that is logged"
    )
    metrics_port: int | None = Field(
        None,
        validation_alias="SWITCHBOARD_METRICS_PORT",
        description="/metrics, /livez and /readyz on SWITCHBOARD_HTTP_HOST",
        json_schema_extra=LATER,
    )
    http_host: str = Field(
        "127.0.0.1",
        validation_alias="SWITCHBOARD_HTTP_HOST",
        description="where HTTP servers of ours listen",
        json_schema_extra=LATER,
    )
    http_port: int = Field(
        8080,
        ge=1,
        le=65_535,
        validation_alias="SWITCHBOARD_HTTP_PORT",
        description="port of the Events API endpoint",
        json_schema_extra=LATER,
    )

    @field_validator("broker_url", "metrics_port", mode="before")
    @classmethod
    def _not_there_yet(cls, value: object) -> object:
        raise ValueError("is not there yet; leave it unset")

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("models_file")
    @classmethod
    def _readable(cls, path: Path | None) -> Path | None:
        _catalog(path)
        return path

    @field_validator("default_model")
    @classmethod
    def _known(cls, alias: str, info: ValidationInfo) -> str:
        if "models_file" in info.data and alias not in _catalog(info.data["models_file"])["models"]:
            raise ValueError("names no model of the catalog; `switchboard models` lists them")
        return alias

    @classmethod
    def stand_ins(cls, environment: Mapping[str, str]) -> dict[str, Any]:
        """What the class makes of the environment beyond one field from one name."""
        return {}

    @property
    def secrets(self) -> frozenset[str]:
        """Every loaded value that no log may show."""
        found = {value.get_secret_value() for _, value in self if isinstance(value, SecretStr)}
        password = urlsplit(self.redis_url).password if self.redis_url else None
        return frozenset(found | {password or ""}) - {""}

    def __repr_args__(self) -> Any:
        """Names alone: an object that finds its way into a traceback or a log tells nothing."""
        return [(None, "…")]


class AdapterSettings(Settings):
    """What every adapter of a chat platform reads."""

    admins: Annotated[tuple[Admin, ...], NoDecode, BeforeValidator(forms.admins)] = Field(
        (),
        validation_alias="SWITCHBOARD_ADMINS",
        description=f"comma list of {forms.ADMIN_HINT}; adds to the platform's own admins",
    )
    attachment_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(forms.origins)] = (
        Field(
            (),
            validation_alias="SWITCHBOARD_ATTACHMENT_ORIGINS",
            description="comma list of further origins (scheme://host:port) that attachments may be fetched from",
        )
    )


class SlackSettings(AdapterSettings):
    """What the Slack adapter reads."""

    slack_bot_token: Annotated[SecretStr, _checked(forms.bot_token)] = Field(
        validation_alias="SLACK_BOT_TOKEN", description="bot token, xoxb-…"
    )
    slack_app_token: Annotated[SecretStr, _checked(forms.app_token)] = Field(
        validation_alias="SLACK_APP_TOKEN",
        description="app-level token with connections:write, xapp-…",
    )
    slack_mode: Literal["socket", "http"] = Field(
        "socket",
        validation_alias="SLACK_MODE",
        description="`socket`; `http` (Events API) is for later",
    )
    slack_signing_secret: Secret = Field(
        NOT_SET,
        validation_alias="SLACK_SIGNING_SECRET",
        description="checks the requests of SLACK_MODE=http",
        json_schema_extra=LATER,
    )
    slack_api_url: Annotated[str, AfterValidator(forms.web_folder)] = Field(
        "https://slack.com/api/",
        validation_alias="SLACK_API_URL",
        description="base of the Web API (GovSlack, proxies, simulated workspaces)",
    )
    slack_command: Annotated[str, AfterValidator(forms.slash_command)] = Field(
        "/ai", validation_alias="SLACK_COMMAND", description="the slash command"
    )
    slack_stream: Literal["update", "native"] = Field(
        "update",
        validation_alias="SWITCHBOARD_SLACK_STREAM",
        description="`update`: post, then update; `native` is for later",
    )
    slack_external: Literal["refuse", "allow"] = Field(
        "refuse",
        validation_alias="SWITCHBOARD_SLACK_EXTERNAL",
        description="people of other organisations in Slack Connect channels",
    )

    @field_validator("slack_mode", "slack_stream")
    @classmethod
    def _in_force(cls, value: str) -> str:
        if value in ("http", "native"):
            raise ValueError("this value is not there yet; leave it unset")
        return value


class DiscordSettings(AdapterSettings):
    """What the Discord adapter reads."""

    discord_token: Annotated[SecretStr, _checked(forms.discord_token)] = Field(
        validation_alias="DISCORD_TOKEN", description="bot token"
    )
    discord_api_url: Annotated[str, AfterValidator(forms.web_address)] = Field(
        "https://discord.com/api/v10",
        validation_alias="DISCORD_API_URL",
        description="base of the REST API; a REST proxy goes here",
    )
    discord_gateway_url: Annotated[str, AfterValidator(forms.socket_address)] = Field(
        "wss://gateway.discord.gg/",
        validation_alias="DISCORD_GATEWAY_URL",
        description="the gateway",
    )
    discord_message_content: Annotated[bool, BeforeValidator(forms.switch)] = Field(
        False,
        validation_alias="SWITCHBOARD_DISCORD_MESSAGE_CONTENT",
        description="`on` asks for the privileged intent, to read messages that do not mention the bot",
    )


class WorkerSettings(Settings):
    """What a worker reads. `model_keys` holds the key of every provider of the catalog that has one in the
    environment, under the name that the catalog gives it (`api_key_env`)."""

    openai_api_key: Secret = Field(
        NOT_SET, validation_alias="OPENAI_API_KEY", description="key of the default provider"
    )
    openai_base_url: Annotated[str, AfterValidator(forms.web_address)] = Field(
        "",
        validation_alias="OPENAI_BASE_URL",
        description="base of the default provider, default https://api.openai.com/v1",
    )
    model_keys: dict[str, Secret] = Field(default_factory=dict, exclude=True)

    @classmethod
    def stand_ins(cls, environment: Mapping[str, str]) -> dict[str, Any]:
        names = key_names(environment.get("SWITCHBOARD_MODELS_FILE"))
        return {"model_keys": {name: environment[name] for name in names if name in environment}}

    @field_validator("model_keys")
    @classmethod
    def _default_model_has_its_key(
        cls, keys: dict[str, SecretStr], info: ValidationInfo
    ) -> dict[str, SecretStr]:
        if {"models_file", "default_model"} <= info.data.keys():
            catalog = _catalog(info.data["models_file"])
            provider = catalog["models"][info.data["default_model"]].get("provider")
            name = catalog["providers"].get(provider, {}).get("api_key_env")
            if name and name not in keys:
                raise ValueError(f"{name}: not set, and the default model needs it")
        return keys

    @property
    def secrets(self) -> frozenset[str]:
        return super().secrets | {key.get_secret_value() for key in self.model_keys.values()}


class UpSettings(Settings):
    """What `up` and `doctor` read for themselves; the children have their own classes."""

    redis_url: Annotated[str, AfterValidator(forms.redis_address)] = Field(
        "",
        validation_alias="REDIS_URL",
        description="as below; not set: `up` runs a Redis of its own",
    )
    state_dir: Path = Field(
        default_factory=lambda: _user_state() / "switchboard",
        validation_alias="SWITCHBOARD_STATE_DIR",
        description="where the Redis of `up` keeps its data, default ~/.local/state/switchboard",
    )


def env_file() -> Path:
    """`.env` of the working directory, or the file that SWITCHBOARD_ENV_FILE names (/dev/null: none)."""
    return Path(os.environ.get("SWITCHBOARD_ENV_FILE") or ".env")


def environment() -> dict[str, str]:
    """Every name that is set: in the environment, else in the file; an empty text is not set."""
    path = env_file()
    from_file = dotenv_values(path) if path.is_file() else {}
    return {name: value for name, value in {**from_file, **os.environ}.items() if value}


def load(kind: type[S], **instead: object) -> S:
    """The settings of one process; `instead` stands in for what is not set. Raises SettingsError with every fault."""
    given = environment()
    names = {name: str(field.validation_alias) for name, field in kind.model_fields.items()}
    stand_ins = {key: value for key, value in instead.items() if names[key] not in given}
    stand_ins |= kind.stand_ins(given)
    try:
        return kind(_env_file=env_file(), **stand_ins)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise SettingsError(list(dict.fromkeys(map(_fault, details)))) from None


def _fault(detail: ErrorDetails) -> str:
    """One line from the kind of the fault and the names of the rule, never from what was given."""
    rule = detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            reason = "not set"
        case "value_error":
            reason = str(rule["error"])
        case "literal_error":
            reason = f"must be {rule['expected']}"
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than" as kind:
            reason = f"must be {kind.replace('_', ' ').replace(' equal', ' or equal to')} {next(iter(rule.values()))}"
        case "int_parsing" | "int_from_float":
            reason = "must be a whole number"
        case "float_parsing" | "finite_number":
            reason = "must be a number"
        case kind:
            reason = f"cannot be read ({kind})"
    place = [str(part) for part in detail["loc"]]
    if place == ["model_keys"]:
        return reason  # it names the key itself
    return f"{place[-1]}: {reason}"


def key_names(models_file: str | None) -> list[str]:
    """The names under which the catalog's providers have their keys; those that ship, if the file cannot be read."""
    try:
        catalog = _catalog(Path(models_file) if models_file else None)
    except ValueError:  # a fault of SWITCHBOARD_MODELS_FILE, reported under that name
        catalog = _catalog(None)
    return sorted({p["api_key_env"] for p in catalog["providers"].values() if "api_key_env" in p})


def _catalog(models_file: Path | None) -> dict[str, dict[str, Any]]:
    """The raw tables that ship, and the operator's over them: only what settings need to know of models."""
    merged: dict[str, dict[str, Any]] = {"providers": {}, "models": {}}
    for tables in (_shipped(), _tables(models_file) if models_file else {}):
        for kind, known in merged.items():
            for name, table in tables.get(kind, {}).items():
                known[name] = {**known.get(name, {}), **table}
    return merged


def _shipped() -> dict[str, Any]:
    return tomllib.loads((resources.files("bot") / "models.toml").read_text("utf-8"))


def _tables(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError:
        raise ValueError("names a file that cannot be read") from None
    except UnicodeDecodeError:
        raise ValueError("names a file that is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"\(at [^)]*\)", str(error))
        raise ValueError(f"names a file that is not TOML {where[0] if where else ''}") from None


def _user_state() -> Path:
    """The folder for what a user's programs remember (XDG)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")


def proxy_for(url: str) -> str | None:
    """The proxy of the environment for an outside address; None for loopback and for what NO_PROXY names."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass_environment(host):
        return None
    proxies = getproxies_environment()
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return proxies.get(scheme) or proxies.get("all")


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
