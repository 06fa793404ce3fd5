"""Who may do what where: every actor, every action, every scope."""

from dataclasses import replace
from itertools import product

import pytest

from bot import forms
from bot.access import FOR_ADMINS, FOR_ALL, Action, Admins, authorize
from bot.errors import NotAllowed
from bot.forms import Admin
from bot.types import Actor, Scope

THREAD, CHANNEL, CATEGORY, WORKSPACE = Scope
BELOW = frozenset({THREAD, CHANNEL, CATEGORY})
EVERY = frozenset(Scope)

SLACK_MEMBER = Actor("slack", "T01", "U01")
DISCORD_MEMBER = Actor("discord", "100", "1")
NOBODY = Admins()


def admins(text: str) -> Admins:
    entries = forms.admins(text)
    assert isinstance(entries, tuple)
    return Admins.of(entries)


NAMED = admins("slack:T01:U09,slack:T01:group:S07,discord:100:9,discord:100:role:77")


def may(
    actor: Actor,
    action: Action,
    scope: Scope | None = None,
    *,
    admins: Admins = NAMED,
    direct: bool = False,
    external_allowed: bool = False,
) -> bool:
    try:
        authorize(
            actor, action, scope, admins=admins, direct=direct, external_allowed=external_allowed
        )
    except NotAllowed:
        return False
    return True


ACTORS = [
    ("a Slack member", SLACK_MEMBER, frozenset()),
    ("a Slack admin", replace(SLACK_MEMBER, powers=EVERY), EVERY),
    ("a Slack person in the list", replace(SLACK_MEMBER, id="U09"), EVERY),
    ("a Slack person in a listed group", replace(SLACK_MEMBER, groups=frozenset({"S07"})), EVERY),
    (
        "a Slack person in another group",
        replace(SLACK_MEMBER, groups=frozenset({"S08"})),
        frozenset(),
    ),
    ("a listed id of another team", Actor("slack", "T02", "U09"), frozenset()),
    ("a Slack person whose id is a listed group's", replace(SLACK_MEMBER, id="S07"), frozenset()),
    ("a Discord member", DISCORD_MEMBER, frozenset()),
    ("Manage Channels", replace(DISCORD_MEMBER, powers=BELOW), BELOW),
    ("Manage Server", replace(DISCORD_MEMBER, powers=EVERY), EVERY),
    ("a Discord person in the list", replace(DISCORD_MEMBER, id="9"), EVERY),
    ("a listed role", replace(DISCORD_MEMBER, groups=frozenset({"77"})), EVERY),
    (
        "a role that is a listed person's id",
        replace(DISCORD_MEMBER, groups=frozenset({"9"})),
        frozenset(),
    ),
    (
        "a listed role of another guild",
        Actor("discord", "200", "1", groups=frozenset({"77"})),
        frozenset(),
    ),
    ("the same id on the other platform", Actor("discord", "T01", "U09"), frozenset()),
]


@pytest.mark.parametrize(("who", "actor", "powers"), ACTORS)
def test_only_admins_of_the_scope_change_it(
    who: str, actor: Actor, powers: frozenset[Scope]
) -> None:
    changed = {each for each in product(FOR_ADMINS, Scope) if may(actor, *each)}
    assert changed == set(product(FOR_ADMINS, powers)), who


@pytest.mark.parametrize(("who", "actor", "_"), ACTORS)
def test_everybody_may_ask_show_list_begin_anew_and_get_help(
    who: str, actor: Actor, _: object
) -> None:
    places = list(product(FOR_ALL, (False, True)))
    refused = [each for each in places if not may(actor, each[0], direct=each[1])]
    assert not refused, who


def test_every_action_has_its_rule() -> None:
    assert frozenset(Action) == FOR_ALL | FOR_ADMINS
    assert not FOR_ALL & FOR_ADMINS


@pytest.mark.parametrize("action", sorted(FOR_ADMINS))
def test_a_change_without_a_scope_is_refused_even_to_an_admin(action: Action) -> None:
    assert not may(replace(SLACK_MEMBER, powers=EVERY), action, None)


@pytest.mark.parametrize("allowed", [False, True])
def test_outsiders_may_nothing_unless_the_operator_allows_it(allowed: bool) -> None:
    outsider = replace(
        SLACK_MEMBER, id="U09", external=True, powers=EVERY, groups=frozenset({"S07"})
    )
    places = list(product((None, *Scope), (False, True)))
    done = {
        (action, scope, direct)
        for action, (scope, direct) in product(Action, places)
        if may(outsider, action, scope, direct=direct, external_allowed=allowed)
    }
    expected = product(FOR_ALL, places) if allowed else ()
    assert done == {(action, scope, direct) for action, (scope, direct) in expected}


@pytest.mark.parametrize("actor", [SLACK_MEMBER, replace(SLACK_MEMBER, powers=EVERY)])
def test_a_direct_message_belongs_to_its_person_who_may_set_and_reset_it(actor: Actor) -> None:
    changed = {each for each in product(FOR_ADMINS, Scope) if may(actor, *each, direct=True)}
    assert changed == set(product((Action.SET, Action.RESET), (THREAD, CHANNEL)))


def test_an_empty_list_of_admins_is_nobody() -> None:
    for actor in (SLACK_MEMBER, DISCORD_MEMBER, Actor("", "", "")):
        assert not NOBODY.includes(actor)
        assert not may(actor, Action.SET, CHANNEL, admins=NOBODY)


def test_an_outsider_is_no_admin_though_the_list_names_them() -> None:
    listed = Admins.of([Admin("slack", "T01", "user", "U01")])
    assert listed.includes(SLACK_MEMBER)
    assert not listed.includes(replace(SLACK_MEMBER, external=True))


@pytest.mark.parametrize(
    ("actor", "scope", "part"),
    [
        (SLACK_MEMBER, CHANNEL, "admin or owner of this workspace"),
        (DISCORD_MEMBER, CHANNEL, "Manage Channels or Manage Server"),
        (DISCORD_MEMBER, WORKSPACE, "permission Manage Server"),
        (DISCORD_MEMBER, WORKSPACE, "SWITCHBOARD_ADMINS"),
    ],
)
def test_a_refusal_says_who_may(actor: Actor, scope: Scope, part: str) -> None:
    with pytest.raises(NotAllowed) as caught:
        authorize(actor, Action.SET, scope, admins=NOBODY, direct=False)
    assert part in caught.value.sentence


def test_a_refusal_in_a_direct_message_says_what_can_be_done_there() -> None:
    with pytest.raises(NotAllowed, match="set and reset the model, but not lock it"):
        authorize(SLACK_MEMBER, Action.LOCK, CHANNEL, admins=NOBODY, direct=True)
    with pytest.raises(NotAllowed, match="in one of its channels"):
        authorize(SLACK_MEMBER, Action.SET, WORKSPACE, admins=NOBODY, direct=True)
