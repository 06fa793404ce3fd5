"""What each process may read: one class per process, a field per setting.

A worker has no field for a platform's token and an adapter none for a model's key. `bot.environment.load` fills them.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot import forms
from bot.caps import Caps
from bot.forms import Admin
from bot.model_tables import key_name, key_names, known_aliases

LATER: dict[str, JsonValue] = {
    "later": True
}  # fixed in meaning by docs/interface.md and not in force yet
NOT_SET = SecretStr("")
CLEARED = frozenset(
    {"SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"}
)  # they make Bolt discard the bot token


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
        env_file_encoding="utf-8-sig",
        populate_by_name=True,
        validate_default=False,
    )

    required: ClassVar[tuple[str, ...]] = ("REDIS_URL",)

    redis_url: Annotated[str, AfterValidator(forms.redis_address)] = Field(
        "",
        validation_alias="REDIS_URL",
        description="Redis 7.0 or newer (redis://, rediss://, unix://): the store and the Celery broker;"
        " `up` runs one of its own where none is named",
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
    user_answers: int = Field(
        10,
        ge=0,
        validation_alias="SWITCHBOARD_USER_ANSWERS",
        description="answers in flight at once for one person while others in the workspace ask too (within a minute);"
        " the rest waits. 0 is any number",
    )
    workspace_answers: int = Field(
        1000,
        ge=0,
        validation_alias="SWITCHBOARD_WORKSPACE_ANSWERS",
        description="answers in flight at once in one workspace (Slack team, Discord server). 0 is any number",
    )
    user_questions: int = Field(
        200,
        ge=0,
        validation_alias="SWITCHBOARD_USER_QUESTIONS",
        description="questions of one person that may be open at once, waiting ones included; what comes beyond them"
        " is refused, and the person told once. 0 is any number",
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

    @field_validator("default_model")
    @classmethod
    def _known(cls, alias: str, info: ValidationInfo) -> str:
        path = info.data.get("models_file")
        if alias not in known_aliases(str(path) if path else None):
            raise ValueError("names no model of the catalog; `switchboard models` lists them")
        return alias

    @classmethod
    def fields(cls) -> dict[str, FieldInfo]:
        """Every field that one name of the environment fills, by that name."""
        fields = cls.model_fields.values()
        return {str(f.validation_alias): f for f in fields if f.validation_alias is not None}

    @classmethod
    def names(cls, given: Mapping[str, str]) -> set[str]:
        """Every name that the process reads."""
        return set(cls.fields())

    @classmethod
    def secret_names(cls, given: Mapping[str, str]) -> set[str]:
        """Those of them that no other process needs to know."""
        return {name for name, field in cls.fields().items() if field.annotation is SecretStr}

    @classmethod
    def missing(cls, given: Mapping[str, str]) -> list[str]:
        """Those of them that the process cannot do without and that are not set."""
        return [name for name in cls.required if name not in given]

    @classmethod
    def beyond(cls, given: Mapping[str, str]) -> dict[str, Any]:
        """The fields that are not filled by one name."""
        return {}

    @property
    def caps(self) -> Caps:
        return Caps(self.user_answers, self.workspace_answers, self.user_questions)

    @property
    def secrets(self) -> frozenset[str]:
        """Every loaded value that no log may show."""
        values = [value for _, value in self]
        found = {value.get_secret_value() for value in values if isinstance(value, SecretStr)}
        in_addresses = (forms.passwords(v) for v in values if isinstance(v, str) and "://" in v)
        return frozenset(found.union(*in_addresses)) - {""}

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

    required: ClassVar[tuple[str, ...]] = (
        *Settings.required,
        "SLACK_BOT_TOKEN",
        "SLACK_APP_TOKEN",
    )

    slack_bot_token: Annotated[SecretStr, _checked(forms.bot_token)] = Field(
        NOT_SET, validation_alias="SLACK_BOT_TOKEN", description="bot token, xoxb-…"
    )
    slack_app_token: Annotated[SecretStr, _checked(forms.app_token)] = Field(
        NOT_SET,
        validation_alias="SLACK_APP_TOKEN",
        description="app-level token with connections:write, xapp-…",
    )
    slack_mode: Literal["socket", "http"] = Field(
        "socket",
        validation_alias="SLACK_MODE",
        description="Socket Mode; http (Events API) is for later",
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
        description="update: post, then update; native: Slack's own streams where they can be, with promises that rest"
        " in two points on what Slack does not document (docs/slack-streaming.md)",
    )
    slack_external: Literal["refuse", "allow"] = Field(
        "refuse",
        validation_alias="SWITCHBOARD_SLACK_EXTERNAL",
        description="people of other organisations in Slack Connect channels",
    )

    @field_validator("slack_mode")
    @classmethod
    def _in_force(cls, value: str) -> str:
        if value == "http":
            raise ValueError("this value is not there yet; leave it unset")
        return value


class DiscordSettings(AdapterSettings):
    """What the Discord adapter reads."""

    required: ClassVar[tuple[str, ...]] = (*Settings.required, "DISCORD_TOKEN")

    discord_token: Annotated[SecretStr, _checked(forms.discord_token)] = Field(
        NOT_SET, validation_alias="DISCORD_TOKEN", description="bot token"
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
    def keys(cls, given: Mapping[str, str]) -> set[str]:
        """The names of the models' keys; a table cannot name a platform's token as one."""
        foreign = SlackSettings.fields().keys() | DiscordSettings.fields().keys()
        return key_names(given.get("SWITCHBOARD_MODELS_FILE")) - foreign

    @classmethod
    def names(cls, given: Mapping[str, str]) -> set[str]:
        return super().names(given) | cls.keys(given)

    @classmethod
    def secret_names(cls, given: Mapping[str, str]) -> set[str]:
        return super().secret_names(given) | cls.keys(given)

    @classmethod
    def missing(cls, given: Mapping[str, str]) -> list[str]:
        alias = given.get("SWITCHBOARD_DEFAULT_MODEL") or cls.model_fields["default_model"].default
        key = key_name(alias, given.get("SWITCHBOARD_MODELS_FILE"))
        return super().missing(given) + ([key] if key and key not in given else [])

    @classmethod
    def beyond(cls, given: Mapping[str, str]) -> dict[str, Any]:
        return {"model_keys": {name: given[name] for name in cls.keys(given) & given.keys()}}

    @property
    def secrets(self) -> frozenset[str]:
        return super().secrets | {key.get_secret_value() for key in self.model_keys.values()}


class UpSettings(Settings):
    """What `up` and `doctor` read for themselves; the processes have their own classes."""

    required: ClassVar[tuple[str, ...]] = ()  # `up` has a Redis of its own where none is named

    state_dir: Path = Field(
        default_factory=lambda: _user_state() / "switchboard",
        validation_alias="SWITCHBOARD_STATE_DIR",
        description="where the Redis of `up` keeps its data, default ~/.local/state/switchboard",
    )


def _user_state() -> Path:
    """The folder for what a user's programs remember (XDG)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
