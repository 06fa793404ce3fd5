"""The catalog: what ships is in order, an operator's file is merged and judged, aliases are found and succeeded."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from bot import models_page
from bot.errors import ModelGone, SettingsError, UnknownModel
from bot.model_reading import address_fault
from bot.model_specs import ModelSpec, Price, ProviderSpec
from bot.models import Catalog

SHIPPED = Catalog.load(None)
TODAY = date(2026, 11, 22)
AFTER = date(2027, 1, 14)  # the day on which GPT-4o is gone


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "models.toml"


def loaded(own: Path, text: str, **more: str) -> Catalog:
    own.write_text(text, "utf-8")
    return Catalog.load(own, **more)


def faults(own: Path, text: str, **more: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        loaded(own, text, **more)
    return raised.value.faults


MINE = '[models.mine]\nprovider = "openai"\nid = "m"\ncontext = 1000\nmax_output = 100\n'
PLACE = "[providers.p]\nbase_url = 'https://a'\n"
LIMITS = "'max_completion_tokens' or 'max_tokens'"
LOOP = "the successors lead back to it"
CROOKED = (
    "models.(a crooked name): a name is one word of a-z, 0-9, ., - and _ with at most 64 characters"
)


# ---- what ships ----------------------------------------------------------------------------------------------------


def test_the_models_that_teams_use_now_are_there() -> None:
    alive = [s for s in SHIPPED.models.values() if not s.gone(TODAY)]
    assert len(alive) >= 35
    named = ["gpt-4o", "gpt-4o-mini", "gpt-6-luna", "gpt-6.1-sol", "gpt-5.6-terra", "gpt-5.5"]
    named += ["claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5", "gemini-3.8-flash"]
    named += ["gemini-4-argon", "grok-4.7", "mistral-large-4", "deepseek-v4-pro", "gpt-oss-120b"]
    assert [alias for alias in named if SHIPPED.find(alias) not in alive] == []


def test_local_models_are_there() -> None:
    local = [s for s in SHIPPED.models.values() if SHIPPED.provider_of(s).api_key_env is None]
    assert {SHIPPED.provider_of(s).name for s in local} == {"ollama", "llamacpp"}


@pytest.mark.parametrize(
    ("alias", "day", "heir"),
    [
        ("gpt-4", date(2026, 10, 23), "gpt-5.6-sol"),
        ("gpt-4-turbo", date(2026, 10, 23), "gpt-5.6-sol"),
        ("gpt-4o-2024-05-13", date(2026, 10, 23), "gpt-5.6-sol"),
        ("gpt-4.1-nano", date(2026, 10, 23), "gpt-5.6-sol"),
        ("gpt-3.5-turbo", date(2026, 10, 23), "gpt-5.6-terra"),
        ("o1", date(2026, 10, 23), "gpt-5.6-sol"),
        ("o4-mini", date(2026, 10, 23), "gpt-5.6-sol"),
        ("gpt-4o", AFTER, "gpt-6-luna"),
        ("gpt-4.1", AFTER, "gpt-6-luna"),
    ],
)
def test_the_generation_of_gpt4_has_its_dates_and_successors(
    alias: str, day: date, heir: str
) -> None:
    assert SHIPPED.models[alias].shutdown == day
    assert SHIPPED.resolve(alias, day)[0].alias == heir


def test_nothing_that_ships_is_odd() -> None:
    assert SHIPPED.warnings == ()


def test_every_chain_of_successors_ends_at_a_model_that_lives_on() -> None:
    far = date(2030, 1, 1)
    assert not any(SHIPPED.resolve(alias, far)[0].gone(far) for alias in SHIPPED.models)


def test_every_fallback_sees_what_its_model_sees() -> None:
    blind = [
        (spec.alias, name)
        for spec in SHIPPED.models.values()
        for name in spec.fallback
        if spec.sees and not SHIPPED.models[name].sees
    ]
    assert blind == []


def test_every_label_fits_into_a_list_of_discord() -> None:
    assert max(map(len, SHIPPED.labels.values())) <= 100


def test_a_label_says_what_one_chooses_by() -> None:
    assert SHIPPED.labels["gpt-4o"] == "GPT-4o · image · 128k · $2.50/$10 per M"
    assert SHIPPED.labels["gpt-oss-120b"] == "gpt-oss 120B (Groq) · 131k · $0.15/$0.60 per M"
    assert SHIPPED.labels["gpt-6.2-sol"].endswith("price unknown")
    assert SHIPPED.labels["local"].endswith("free")


def test_an_unknown_price_is_none_and_not_zero() -> None:
    assert SHIPPED.find("gpt-6.1-terra").price is None
    assert SHIPPED.find("claude").price == Price(2, 10, None)


# ---- finding -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["claude", "Claude", " claude ", "claude-sonnet-5-5", "SONNET"])
def test_an_alias_is_found_however_it_is_typed(typed: str) -> None:
    assert SHIPPED.find(typed).alias == "claude-sonnet-5-5"


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("gpt4o", "gpt-4o"),
        ("gpt-4o-mni", "gpt-4o-mini"),
        ("cluade", "claude-sonnet-5-5"),
        ("gemni", "gemini-3.8-flash"),
        ("mistral-large", "mistral-large-4"),
        ("deepseek v4", "deepseek-v4-flash"),
        ("gpt-5.6", "gpt-5.6-luna"),
    ],
)
def test_an_unknown_alias_is_answered_with_the_nearest_three(typed: str, near: str) -> None:
    with pytest.raises(UnknownModel) as raised:
        SHIPPED.find(typed)
    nearest = SHIPPED.nearest(typed)
    assert len(set(nearest)) == 3
    assert near in nearest
    assert all(f"`{alias}`" in raised.value.sentence for alias in nearest)


@pytest.mark.parametrize("typed", ["", " ", "\n", "💥", "x" * 100_000, "`**<@U1>**` <!channel>"])
def test_nonsense_for_an_alias_is_answered_with_three_models_and_no_markup(typed: str) -> None:
    with pytest.raises(UnknownModel) as raised:
        SHIPPED.find(typed)
    sentence = raised.value.sentence
    assert sentence.count("`") == 6
    assert len(sentence) < 300
    assert "*" not in sentence


def test_a_model_in_its_time_answers_itself_without_a_note() -> None:
    assert SHIPPED.resolve("gpt-4o", date(2027, 1, 13)) == (SHIPPED.models["gpt-4o"], "")


def test_from_its_last_day_on_the_successor_answers_and_says_so() -> None:
    spec, note = SHIPPED.resolve("gpt-4o", AFTER)
    assert spec.alias == "gpt-6-luna"
    assert note == "gpt-4o was shut down on 2027-01-14; gpt-6-luna answers in its place."


def test_successors_are_followed_through_several_that_are_gone() -> None:
    assert SHIPPED.resolve("chatgpt-4o-latest", TODAY)[0].alias == "gpt-4o"
    assert SHIPPED.resolve("chatgpt-4o-latest", AFTER)[0].alias == "gpt-6-luna"


def test_a_model_that_is_gone_without_a_successor_is_an_error(own: Path) -> None:
    catalog = loaded(own, f"{MINE}shutdown = 2026-01-01\n")
    with pytest.raises(ModelGone, match="mine was shut down on 2026-01-01"):
        catalog.resolve("mine", TODAY)


def test_resolving_an_unknown_alias_is_an_error_and_no_silent_default() -> None:
    with pytest.raises(UnknownModel):
        SHIPPED.resolve("gpt-7", TODAY)


def test_a_search_begins_with_the_current_model_and_ends_at_25() -> None:
    found = SHIPPED.search("", "grok-4.7")
    assert found[0] == ("grok-4.7", SHIPPED.labels["grok-4.7"])
    assert len(found) == 25
    assert found[1][0] == "gpt-4o"


def test_a_search_finds_by_alias_title_provider_and_other_words() -> None:
    def aliases(typed: str) -> set[str]:
        return {alias for alias, _ in SHIPPED.search(typed)}

    assert {"gemini-3.8-flash", "gemini-4-argon"} <= aliases("GEMINI")
    assert "claude-opus-5-5" in aliases("opus 5.5")
    assert "claude-haiku-5-5" in aliases("anthropic")
    assert aliases("no such model") == set()


def test_a_search_on_a_day_offers_nothing_that_is_gone() -> None:
    found = {alias for alias, _ in SHIPPED.search("gpt-4", today=AFTER)}
    assert found == set()
    assert ("gpt-4o" in dict(SHIPPED.search("gpt-4", today=TODAY))) is True
    assert "gpt-4-turbo" not in dict(SHIPPED.search("gpt-4", today=TODAY))


# ---- the operator's file -------------------------------------------------------------------------------------------


def test_a_model_is_a_table(own: Path) -> None:
    text = (
        '[providers.azure]\nbase_url = "https://r.openai.azure.com/openai/v1/"\n'
        'api_key_env = "AZURE_OPENAI_API_KEY"\n[models.work]\nprovider = "azure"\nid = "deployment"\n'
        'context = 128000\nmax_output = 4096\ninputs = ["text", "image"]\nfallback = ["gpt-4o"]\n'
    )
    catalog = loaded(own, text)
    spec = catalog.find("work")
    assert (spec.provider, spec.id, spec.sees, spec.title) == ("azure", "deployment", True, None)
    assert spec.label == "work · image · 128k · price unknown"
    assert catalog.provider_of(spec).base_url == "https://r.openai.azure.com/openai/v1"
    assert catalog.find("gpt-4o") == SHIPPED.find("gpt-4o")


def test_a_key_of_a_shipped_table_is_changed_and_the_others_stay(own: Path) -> None:
    catalog = loaded(own, "[models.gpt-4o]\nsilence = 60\nprice = { input = 1, output = 2 }\n")
    assert catalog.find("gpt-4o") == replace(SHIPPED.find("gpt-4o"), silence=60, price=Price(1, 2))


def test_an_own_alias_wins_over_another_word_of_a_shipped_model(own: Path) -> None:
    assert loaded(own, MINE.replace("mine", "claude")).find("claude").provider == "openai"


def test_openai_base_url_overrides_the_table(own: Path) -> None:
    text = '[providers.openai]\nbase_url = "https://first.example"\n'
    catalog = loaded(own, text, openai_base_url="http://127.0.0.1:9/v1/")
    assert catalog.providers["openai"].base_url == "http://127.0.0.1:9/v1"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"{MINE}colour = 1", "models.mine.colour: no such key"),
        (f"{MINE}alias = 'other'", "models.mine.alias: no such key; the table's name says it"),
        (f"{MINE}effort = 3", "models.mine.effort: must be a text"),
        (f"{MINE}inputs = ['smell']", "models.mine.inputs.0: must be 'text', 'image', 'audio' or 'file'"),
        (f"{MINE}inputs = 'text'", "models.mine.inputs: must be a list"),
        (f"{MINE}shutdown = 'soon'", "models.mine.shutdown: must be a date, as 2027-01-14"),
        (f"{MINE}first_token = 0", "models.mine.first_token: must be greater than 0"),
        (f"{MINE}answer_seconds = 601", "models.mine.answer_seconds: must be less than or equal to 600"),
        (f"{MINE}price = {{ input = 1 }}", "models.mine.price.output: not set"),
        (f"{MINE}price = {{ input = 1, output = -1 }}", "models.mine.price.output: must be greater than or equal to 0"),
        (f"{MINE}price = {{ input = 1, output = 1, tax = 1 }}", "models.mine.price.tax: no such key"),
        (f"{MINE}image = {{ size = 0 }}", "models.mine.image.size: must be greater than or equal to 1"),
        (f"{MINE}successor = 'nobody'", "models.mine.successor: names no table of [models.…]"),
        (f"{MINE}fallback = ['nobody']", "models.mine.fallback: names what is no table of [models.…]"),
        (f"{MINE}fallback = ['mine']", "models.mine.fallback: names the model itself"),
        (f"{MINE}also = ['opus']", "models.mine.also: another model has one of its words"),
        (MINE.replace("100\n", "5000\n"), "models.mine.max_output: is more than context"),
        (MINE.replace('"openai"', '"nobody"'), "models.mine.provider: names no table of [providers.…]"),
        (MINE.replace("id = ", "ids = "), "models.mine.id: not set"),
        (MINE.replace("mine", '"my model"'), CROOKED),
        ("[model.mine]\n", "SWITCHBOARD_MODELS_FILE: [model] is neither [providers.…] nor [models.…]"),
        ("[providers.p]\n", "providers.p.base_url: not set"),
        (f"{PLACE}api_key_env = 'sk-1'", "providers.p.api_key_env: must be the name of an environment variable"),
        (f"{PLACE}api_key = 'x'", "providers.p.api_key: no such key"),
        (f"{PLACE}output_limit = 'x'", f"providers.p.output_limit: must be {LIMITS}"),
        ("[models.gpt-6-luna]\nsuccessor = 'gpt-4o'", f"models.gpt-6-luna.successor: {LOOP}"),
        ("[models.gpt-6-luna]\nsuccessor = 'gpt-6-luna'", f"models.gpt-6-luna.successor: {LOOP}"),
        ("[models.gpt-4o]\ncontext = 'x'", "models.gpt-4o.context: must be a whole number"),
        ("not toml", "SWITCHBOARD_MODELS_FILE: names a file that is not TOML, at line 1, column 5"),
    ],
)  # fmt: skip
def test_a_fault_names_the_table_and_the_key(own: Path, text: str, fault: str) -> None:
    assert fault in faults(own, text)


def test_all_faults_are_told_at_once(own: Path) -> None:
    found = faults(own, f"{MINE}colour = 1\nsize = 2\n[providers.p]\nbase_url = 'ftp://a'\n")
    assert len(found) == 3


def test_no_fault_repeats_a_value(own: Path) -> None:
    secret = "sk-planted-0123456789"
    text = (
        f'[providers.p]\nbase_url = "http://user:{secret}@h"\napi_key_env = "{secret}"\nwire = 3\n'
        f'"{secret} x" = 1\n{MINE}inputs = ["{secret}"]\nshutdown = "{secret}"\nsuccessor = "{secret}"\n'
        f'[models."{secret} x"]\n'
    )
    assert secret not in "\n".join(faults(own, text))


def test_the_mark_with_which_some_editors_begin_a_file_is_no_fault(own: Path) -> None:
    assert loaded(own, f"\ufeff{MINE}").find("mine").context == 1000


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"SWITCHBOARD_MODELS_FILE: .*cannot be read"):
        Catalog.load(tmp_path / "none.toml")


def test_a_fallback_that_ends_with_its_model_is_a_warning(own: Path) -> None:
    catalog = loaded(own, "[models.gpt-4o]\nfallback = ['gpt-4o-mini']\n")
    assert catalog.warnings == ("models.gpt-4o.fallback: gpt-4o-mini does not outlive the model",)


# ---- addresses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example/v1",
        "http://127.0.0.1:8080/v1",
        "http://localhost/v1",
        "http://[::1]:8080/v1",
        "https://10.0.0.5/v1",
    ],
)
def test_https_and_this_machine_are_good_addresses(url: str) -> None:
    assert address_fault(ProviderSpec("p", url)) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example/v1",
        "http://10.0.0.5/v1",
        "ftp://api.example",
        "https://",
        "api.example",
        "https://a.example:port",
        "https://user:pass@api.example",
        "https://api.example?key=1",
        "https://api .example",
        "https://169.254.169.254/latest",
        "https://[fe80::1]/v1",
        "https://[::ffff:169.254.169.254]/",
        "https://2852039166/",
        "https://0xa9fea9fe/",
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    assert address_fault(ProviderSpec("p", url))


def test_an_operator_may_allow_plain_http_and_never_a_link_local_address() -> None:
    assert (
        address_fault(ProviderSpec("p", "http://llm.internal:8080/v1", allow_insecure=True)) is None
    )
    assert address_fault(ProviderSpec("p", "http://169.254.169.254/", allow_insecure=True))


# ---- the page ------------------------------------------------------------------------------------------------------


def test_the_page_has_a_line_for_each_model() -> None:
    lines = models_page.lines(SHIPPED)
    assert len(lines) == len(SHIPPED.models) + 1
    gpt = next(line for line in lines if line.startswith("gpt-4o "))
    cells = ["gpt-4o", "openai", "text,image,file", "128k", "$2.50/$10 per M"]
    assert re.split(r"  +", gpt) == [*cells, "2027-01-14 → gpt-6-luna"]


def test_the_page_shows_the_operators_models(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own.write_text(f"{MINE}shutdown = 2027-01-01\n")
    monkeypatch.setenv("SWITCHBOARD_MODELS_FILE", str(own))
    page = models_page.table()
    assert "mine " in page
    assert "2027-01-01 → nothing" in page
    assert "warning: models.mine.shutdown" in page


def test_an_answers_limit_leaves_room_in_a_small_window() -> None:
    spec = ModelSpec("a", "p", "i", context=1000, max_output=900)
    assert spec.output_limit == 500
    assert SHIPPED.find("gpt-4o").output_limit == 8192
