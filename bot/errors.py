"""Every fault that a person may meet, each with the sentence that tells them.

BotError                      a sentence that a person may read
├── UserError                 what was asked cannot be done: said, never logged as an error
│   ├── UnknownModel · NotAllowed · Unavailable · AttachmentRejected
├── ProviderError             the model's side
│   ├── ProviderBusy* · ProviderDown* · ContextTooLong · Refused · BadKey · BadImage · ModelGone · AnswerCut
├── PlatformError             the chat's side
│   ├── PlatformBusy* · Unsure* · TooLong · Outgrown · MissingScope · PlaceGone
└── SettingsError             every fault of the settings at once; exit 78

(* may be tried again)
"""


class BotError(Exception):
    """A fault with a sentence for people: what happened and what to do, no secret and no raw text of others."""

    retryable = False

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class UserError(BotError):
    """What was asked cannot be done; the person can change that."""


class UnknownModel(UserError):
    """No model has this alias; the sentence names the nearest three."""


class NotAllowed(UserError):
    """The actor may not do this here."""


class Unavailable(UserError):
    """A word that the interface names and this version does not have yet, or not in this place."""


class AttachmentRejected(UserError):
    """A file that cannot be read; the sentence names the file and the reason."""


class ProviderError(BotError):
    """The model's provider could not answer."""


class ProviderBusy(ProviderError):
    """Rate limited. `retry_after` is in seconds, None where the provider did not say."""

    retryable = True

    def __init__(self, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class ProviderDown(ProviderError):
    """Unreachable, silent beyond its deadline, or an error of its own (5xx)."""

    retryable = True


class ContextTooLong(ProviderError):
    """The prompt does not fit into the model's window."""


class Refused(ProviderError):
    """The provider's content filter, or the model, declined."""


class BadKey(ProviderError):
    """The key is missing, wrong or out of quota: the operator's to mend."""


class BadImage(ProviderError):
    """The provider could not use an image."""


class ModelGone(ProviderError):
    """The model does not exist at the provider (any more)."""


class AnswerCut(ProviderError):
    """The stream ended, or broke, before the model finished; what came before it is kept."""


class PlatformError(BotError):
    """Slack or Discord did not do what was asked."""


class PlatformBusy(PlatformError):
    """Rate limited, or a passing fault: try again after `retry_after` seconds."""

    retryable = True

    def __init__(self, sentence: str, retry_after: float) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Unsure(PlatformError):
    """The request may or may not have been applied: look before doing it again."""

    retryable = True


class Outgrown(PlatformError):
    """The message cannot show this, another one can: it is to be posted anew, and this one to go."""


class TooLong(PlatformError):
    """The platform refuses the message's length or form: split it smaller."""


class MissingScope(PlatformError):
    """The app lacks a scope or permission for this call."""


class PlaceGone(PlatformError):
    """The channel, thread or message is gone, or the bot is no longer in it."""


class MessageGone(PlaceGone):
    """The message alone: somebody took it away, or it can no longer be changed."""


class SettingsError(BotError):
    """Every fault of the settings, one line each, naming the setting and never its value."""

    EXIT = 78  # EX_CONFIG of sysexits.h

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults
