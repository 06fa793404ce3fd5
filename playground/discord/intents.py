"""The gateway intents by name, and which of them an app must be allowed to ask for."""

GUILDS = 1 << 0
GUILD_MEMBERS = 1 << 1
GUILD_PRESENCES = 1 << 8
GUILD_MESSAGES = 1 << 9
GUILD_MESSAGE_REACTIONS = 1 << 10
GUILD_MESSAGE_TYPING = 1 << 11
DIRECT_MESSAGES = 1 << 12
DIRECT_MESSAGE_REACTIONS = 1 << 13
DIRECT_MESSAGE_TYPING = 1 << 14
MESSAGE_CONTENT = 1 << 15
KNOWN = (1 << 26) - 1

APP_FLAG_MESSAGE_CONTENT = 1 << 19  # "limited": an app in fewer than 100 guilds


def disallowed(intents: int, *, message_content_allowed: bool) -> int:
    """The privileged intents among these that the app's owner has not switched on."""
    switched_off = GUILD_MEMBERS | GUILD_PRESENCES
    if not message_content_allowed:
        switched_off |= MESSAGE_CONTENT
    return intents & switched_off
