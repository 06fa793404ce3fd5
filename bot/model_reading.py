"""Tables of models become a catalog's parts, or one line for each fault; no line repeats a value."""

import re
import socket
import tomllib
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from bot.errors import SettingsError
from bot.model_specs import ModelSpec, ProviderSpec
from bot.model_tables import Tables, merged
from bot.proxies import is_loopback

Spec = TypeVar("Spec", ModelSpec, ProviderSpec)
Parts = tuple[dict[str, ModelSpec], dict[str, ProviderSpec], tuple[str, ...]]

FILE = "SWITCHBOARD_MODELS_FILE"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")  # of an alias and of a provider: one word to type
PROVIDERS, MODELS = TypeAdapter(ProviderSpec), TypeAdapter(ModelSpec)  # each takes 3 ms to build
OPENAI = "openai"  # the provider whose address OPENAI_BASE_URL overrides


def read(path: Path | None, openai_base_url: str = "") -> Parts:
    """Models, providers and warnings; raises SettingsError with every fault."""
    try:
        tables = merged(path)
    except ValueError as error:
        raise SettingsError([f"{FILE}: {error}"]) from None
    faults = _foreign_groups(path) + _crooked_names(tables)
    if openai_base_url and OPENAI in tables["providers"]:
        tables["providers"][OPENAI]["base_url"] = openai_base_url.rstrip("/")
    providers = _specs("providers", tables, PROVIDERS, faults)
    models = _specs("models", tables, MODELS, faults)
    providers = {name: replace(p, base_url=p.base_url.rstrip("/")) for name, p in providers.items()}
    faults += [
        f"{_key('providers', spec.name)}.base_url: {fault}"
        for spec in providers.values()
        if (fault := address_fault(spec))
    ]
    for spec in models.values():
        faults += _bad_links(spec, tables)
    faults += _loops(models) + _same_words(models)
    if faults:
        raise SettingsError(faults)
    return models, providers, tuple(_warnings(models))


def address_fault(provider: ProviderSpec) -> str | None:
    """What is wrong with a provider's address; None for https, this machine, or what the operator allowed."""
    try:
        url = urlsplit(provider.base_url)
        host, _ = url.hostname, url.port  # reading the port checks it
    except ValueError:
        return "is no address"
    if url.scheme not in ("http", "https") or not host or re.search(r"\s", provider.base_url):
        return "must begin with https://, or http:// for this machine"
    if url.username is not None or url.query or url.fragment:
        return "must hold no user, password, query or fragment"
    if _is_link_local(host):
        return "is a link-local address, which no model answers at"
    if url.scheme == "http" and not is_loopback(host) and not provider.allow_insecure:
        return "must begin with https://; allow_insecure = true permits http:// to another machine"
    return None


def _is_link_local(host: str) -> bool:
    found: IPv4Address | IPv6Address
    try:
        found = ip_address(host)
    except ValueError:
        try:
            found = ip_address(
                socket.inet_aton(host)
            )  # 2852039166 and 0xa9fea9fe are addresses too
        except OSError:
            return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return found.is_link_local


def _foreign_groups(path: Path | None) -> list[str]:
    """[model.x] for [models.x] would otherwise be passed over in silence."""
    groups = tomllib.loads(path.read_text("utf-8-sig")) if path else {}
    unknown = sorted(groups.keys() - {"providers", "models"})
    return [f"{FILE}: [{_safe(name)}] is neither [providers.…] nor [models.…]" for name in unknown]


def _crooked_names(tables: Tables) -> list[str]:
    return [
        f"{_key(group, name)}: a name is one word of a-z, 0-9, ., - and _ with at most 64 characters"
        for group in ("providers", "models")
        for name in tables[group]
        if not NAME.fullmatch(name)
    ]


def _specs(
    group: str, tables: Tables, kind: TypeAdapter[Spec], faults: list[str]
) -> dict[str, Spec]:
    """The tables that are in order; what is wrong with the others is added to `faults`."""
    own = "name" if group == "providers" else "alias"
    found: dict[str, Spec] = {}
    for name, table in tables[group].items():
        if own in table:
            faults.append(f"{_key(group, name)}.{own}: no such key; the table's name says it")
            continue
        try:
            found[name] = kind.validate_python({own: name, **table})
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            faults += dict.fromkeys(f"{_key(group, name)}{_fault(detail)}" for detail in details)
    return found


def _fault(detail: ErrorDetails) -> str:
    where = "".join(f".{_safe(str(part))}" for part in detail["loc"])
    rule: dict[str, Any] = detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            reason = "not set"
        case "unexpected_keyword_argument":
            reason = "no such key"
        case "literal_error":
            reason = f"must be {rule['expected']}"
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal" as kind:
            words = kind.replace("_", " ").replace(" equal", " or equal to")
            reason = f"must be {words} {next(iter(rule.values())):g}"
        case "string_type":
            reason = "must be a text"
        case "int_type" | "int_from_float" | "int_parsing":
            reason = "must be a whole number"
        case "float_type" | "float_parsing":
            reason = "must be a number"
        case "date_type" | "date_from_datetime_parsing" | "date_from_datetime_inexact":
            reason = "must be a date, as 2027-01-14"
        case "frozen_set_type" | "tuple_type":
            reason = "must be a list"
        case "string_pattern_mismatch":
            reason = "must be the name of an environment variable"
        case kind:
            reason = f"cannot be read ({kind})"
    return f"{where}: {reason}"


def _bad_links(spec: ModelSpec, tables: Tables) -> list[str]:
    """Names in a model's table that lead nowhere."""
    here = _key("models", spec.alias)
    faults = []
    if spec.provider not in tables["providers"]:
        faults.append(f"{here}.provider: names no table of [providers.…]")
    if spec.successor is not None and spec.successor not in tables["models"]:
        faults.append(f"{here}.successor: names no table of [models.…]")
    if set(spec.fallback) - tables["models"].keys():
        faults.append(f"{here}.fallback: names what is no table of [models.…]")
    if spec.alias in spec.fallback:
        faults.append(f"{here}.fallback: names the model itself")
    if spec.max_output > spec.context:
        faults.append(f"{here}.max_output: is more than context")
    return faults


def _loops(models: dict[str, ModelSpec]) -> list[str]:
    """Chains of successors that never end."""
    faults = []
    for alias, spec in models.items():
        seen: set[str] = set()
        while spec.successor in models and spec.alias not in seen:
            seen.add(spec.alias)
            spec = models[spec.successor]
        if spec.alias == alias and alias in seen:
            faults.append(f"{_key('models', alias)}.successor: the successors lead back to it")
    return faults


def _same_words(models: dict[str, ModelSpec]) -> list[str]:
    """Two models that one word would mean. An alias wins over another model's `also`."""
    owners: dict[str, str] = {}
    return [
        f"{_key('models', spec.alias)}.also: another model has one of its words"
        for spec in models.values()
        for word in spec.also
        if owners.setdefault(word.casefold(), spec.alias) != spec.alias
    ]


def _warnings(models: dict[str, ModelSpec]) -> list[str]:
    """What lets the bot run and will disappoint somebody."""
    found = []
    for spec in models.values():
        here = _key("models", spec.alias)
        for name in spec.fallback:
            end = models[name].shutdown
            if end is not None and spec.shutdown is not None and end <= spec.shutdown:
                found.append(f"{here}.fallback: {name} does not outlive the model")
        if spec.shutdown is not None and spec.successor is None:
            found.append(
                f"{here}.shutdown: has no successor, questions to it will fail from that day on"
            )
    return found


def _key(group: str, name: str) -> str:
    return f"{group}.{_safe(name)}"


def _safe(name: str) -> str:
    """A key of the file as it may be shown: a key that is no key may be a secret in the wrong place."""
    return name if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name) else "(a crooked name)"
