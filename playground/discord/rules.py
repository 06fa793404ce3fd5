"""Every number that the simulated Discord enforces, as one value that a test may change."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many requests in so many seconds."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Rules:
    """Discord's figures; documented unless the comment says observed or assumed."""

    ack_seconds: float = 3.0  # first response to an interaction
    token_seconds: float = 900.0  # life of an interaction token
    url_seconds: float = 86_400.0  # life of a signed attachment address (observed)
    nonce_seconds: float = 300.0  # how long enforce_nonce remembers ("a few minutes")
    old_message_seconds: float = 3_600.0  # from here on edits have a limit of their own
    old_message_edits: Bucket = Bucket(3, 20.0)  # that limit (observed)
    heartbeat_seconds: float = 41.25
    session_seconds: float = 180.0  # how long a dropped session can be resumed (assumed)
    replay_events: int = 1_000  # how many events it keeps meanwhile (assumed)
    identifies_per_day: int = 1_000  # one more resets the token
    identify_spacing_seconds: float = 5.0  # max_concurrency 1
    gateway_sends: Bucket = Bucket(120, 60.0)
    invalid_requests: Bucket = Bucket(10_000, 600.0)  # 401, 403 and 429; then the address is banned
    global_requests: Bucket = Bucket(50, 1.0)
    attachment_bytes: int = 10_485_760  # per file, without boosts
    command_changes_per_day: int = 200  # creations per guild or global (assumed)
    buckets: dict[str, Bucket] = field(
        default_factory=lambda: {
            "POST /channels/{channel_id}/messages": Bucket(5, 5.0),  # observed
            "PATCH /channels/{channel_id}/messages/{message_id}": Bucket(5, 5.0),  # observed
            "DELETE /channels/{channel_id}/messages/{message_id}": Bucket(5, 1.0),  # observed
            "POST /channels/{channel_id}/typing": Bucket(5, 5.0),  # assumed
            "PUT /channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me": Bucket(
                1, 0.25
            ),  # observed
            "webhook": Bucket(5, 2.0),  # all routes of one interaction token together (observed)
        }
    )
    other_bucket: Bucket = Bucket(20, 1.0)  # any other route (assumed)
