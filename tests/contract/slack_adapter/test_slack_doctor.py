"""`doctor` tells what is wrong with a Slack app, and how to mend it."""

from __future__ import annotations

from importlib.metadata import entry_points

from pydantic import SecretStr

from adapters.slack.checks import check
from bot.doctor import Finding
from bot.forms import Admin
from playground.slack.workspace import SCOPES
from tests.contract.slack_adapter.office import Office

TEAM = "T0PLAYGRND"


async def found(office: Office, **changes: object) -> list[Finding]:
    findings = await check(office.settings(**changes))
    for finding in findings:
        assert finding.level == "ok" or finding.mend
        assert office.slack.bot_token not in str(finding)
        assert office.slack.app_token not in str(finding)
    return findings


def wrong(findings: list[Finding]) -> list[str]:
    return [f"{f.level} {f.what}" for f in findings if f.level != "ok"]


def test_the_check_is_one_of_doctors() -> None:
    (entry,) = entry_points(group="switchboard.checks", name="slack")
    assert entry.load() is check


async def test_an_app_with_all_it_needs_is_fine(closed_office: Office) -> None:
    findings = await found(closed_office)
    assert wrong(findings) == []
    assert [f.what for f in findings] == [
        "slack: SLACK_BOT_TOKEN is good",
        "slack: SLACK_APP_TOKEN is good",
        "slack: every scope of the manifest was granted",
    ]


async def test_each_rejected_token_is_named(closed_office: Office) -> None:
    findings = await found(
        closed_office,
        slack_bot_token=SecretStr("xoxb-somebody-elses"),
        slack_app_token=SecretStr("xapp-somebody-elses"),
    )
    assert wrong(findings) == [
        "broken SLACK_BOT_TOKEN: Slack rejects it (invalid_auth)",
        "broken SLACK_APP_TOKEN: Slack rejects it (invalid_auth)",
    ]


async def test_tokens_that_were_exchanged_are_named(closed_office: Office) -> None:
    slack = closed_office.slack
    findings = await found(
        closed_office,
        slack_bot_token=SecretStr(slack.app_token),
        slack_app_token=SecretStr(slack.bot_token),
    )
    assert wrong(findings) == [
        "broken SLACK_BOT_TOKEN: Slack rejects it (not_allowed_token_type)",
        "broken SLACK_APP_TOKEN: Slack rejects it (not_allowed_token_type)",
    ]


async def test_an_app_without_socket_mode_is_told(closed_office: Office) -> None:
    closed_office.slack.will_refuse("apps.connections.open", "socket_mode_not_enabled")
    (fault,) = [f for f in await found(closed_office) if f.level != "ok"]
    assert "socket_mode_not_enabled" in fault.what
    assert "Socket Mode" in fault.mend


async def test_each_scope_that_was_not_granted_is_a_line(closed_office: Office) -> None:
    closed_office.slack.grant(SCOPES - {"chat:write", "files:read", "usergroups:read"})
    lines = wrong(await found(closed_office))
    assert len(lines) == 3
    assert lines[0].startswith("broken slack: the scope chat:write was not granted, needed for")
    assert "chat.postMessage" in lines[0]
    assert lines[1].startswith("broken slack: the scope files:read")
    assert lines[2].startswith("warning slack: the scope usergroups:read")


async def test_admins_who_cannot_be_found_are_warned_of(closed_office: Office) -> None:
    admins = (
        Admin("slack", TEAM, "group", "S0MODELOPS"),
        Admin("slack", TEAM, "group", "S0NOBODY01"),
        Admin("slack", "T0ELSEWHERE", "user", "U0ADMIN001"),
        Admin("discord", "1", "user", "2"),
    )
    assert wrong(await found(closed_office, admins=admins)) == [
        "warning SWITCHBOARD_ADMINS: slack:T0ELSEWHERE:U0ADMIN001 is of another workspace than"
        f" the bot ({TEAM})",
        "warning SWITCHBOARD_ADMINS: nobody can be told to be in the user group S0NOBODY01"
        " (no_such_subteam)",
    ]


async def test_a_slack_that_does_not_answer_is_told(closed_office: Office) -> None:
    await closed_office.slack.stop()
    lines = wrong(await found(closed_office))
    assert len(lines) == 2
    assert all("Slack does not answer" in line for line in lines)


async def test_an_answer_that_is_not_slacks_is_told_without_its_words(
    closed_office: Office,
) -> None:
    closed_office.slack.will_refuse("auth.test", "\x1b[31m odd", status=502)
    (line,) = wrong(await found(closed_office))
    assert line == "broken SLACK_BOT_TOKEN: Slack refuses what it is for (an unknown error)"


async def test_streams_are_tried_where_they_are_wanted(closed_office: Office) -> None:
    findings = await found(closed_office, slack_stream="native")
    assert findings[-1].what == "slack: answers can be streams"
    closed_office.slack.will_refuse("chat.stopStream", "unknown_method")
    (warning,) = wrong(await found(closed_office, slack_stream="native"))
    assert "lets nothing stream here (unknown_method)" in warning
    closed_office.slack.will_drop_reply("chat.stopStream")
    (warning,) = wrong(await found(closed_office, slack_stream="native"))
    assert "Slack does not answer" in warning
