"""Precedence, locks and expiry agree with a small model under any sequence of changes and repeats."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from bot.access import Admins
from bot.errors import NotAllowed
from bot.scopes import Change, Scopes
from bot.types import Actor, Channel, Scope, Thread
from tests.audit import audit_head, read_audit, verify
from tests.unit.redis_machine import RedisMachine, agrees

pytestmark = pytest.mark.usefixtures("untraced")  # the same lines thousands of times

THREADS = [
    Thread(Channel("discord", "100", "10", category="5"), "1000"),
    Thread(Channel("discord", "100", "10", category="5"), "1001"),
    Thread(Channel("discord", "100", "11", category="5"), "1002"),
    Thread(Channel("discord", "100", "12"), "1003"),
    Thread(Channel("discord", "200", "20"), "2000"),
]
ALIASES = ["gpt-4o", "claude", "local"]
ADMIN = Actor("discord", "100", "1", "Ada", powers=frozenset(Scope))
WIDEST_FIRST = (Scope.WORKSPACE, Scope.CATEGORY, Scope.CHANNEL, Scope.THREAD)

threads = st.sampled_from([*THREADS, *THREADS[:1] * 5])  # one of them mostly, so that locks nest
scopes_ = st.sampled_from(Scope)
aliases = st.sampled_from(ALIASES)


@dataclass
class Held:
    """What the model knows of one scope."""

    own: str | None = None
    brief: bool = False
    lock: str | None = None


class ScopesMachine(RedisMachine):
    def __init__(self) -> None:
        super().__init__()
        self.scopes = Scopes(self.store, "gpt-4o", Admins())
        self.held: dict[str, Held] = {}
        self.requests: list[tuple[tuple[object, ...], Change | None]] = []
        self.changes = 0

    # ---- the model ----

    def at(self, thread: Thread, scope: Scope) -> Held | None:
        key = thread.scope_key(scope)
        return None if key is None else self.held.setdefault(key, Held())

    def expected(self, thread: Thread, narrowest: Scope = Scope.THREAD) -> tuple[str, bool]:
        """The model in force at a scope of a thread, and whether a lock says so."""
        path = []
        for scope in WIDEST_FIRST:
            path.append(self.at(thread, scope))
            if scope is narrowest:
                break
        there = [held for held in path if held is not None]
        for held in there:
            if held.lock is not None:
                return held.lock, True
        for held in reversed(there):
            if held.own is not None:
                return held.own, False
        return "gpt-4o", False

    # ---- what people do ----

    def request(self, verb: str, thread: Thread, scope: Scope, *more: object) -> None:
        held = self.at(thread, scope)
        if held is None:
            return
        before, locked = self.expected(thread, scope)
        done = {"set": True, "reset": held.own is not None, "lock": held.lock is None}.get(
            verb, held.lock is not None
        )
        call = (verb, thread, scope, *more, f"r{len(self.requests)}")
        change = self.send(call)
        if verb in ("set", "reset") and locked:
            assert change is None
        else:
            assert change is not None
            if verb == "set":
                held.own, held.brief = str(more[0]), bool(more[1])
            elif verb == "reset":
                held.own = None
            else:
                held.lock = (held.lock or before) if verb == "lock" else None
            self.changes += done
            after, _ = self.expected(thread, scope)
            assert (change.done, change.before, change.after) == (done, before, after)
        self.requests.append((call, change))

    def send(self, call: tuple[object, ...]) -> Change | None:
        verb, thread, scope, *more, request_id = call
        run = getattr(self.scopes, str(verb))
        try:
            return self.run(run(thread, scope, *more, actor=ADMIN, request_id=request_id))
        except NotAllowed:
            return None

    @rule(thread=threads, scope=scopes_, alias=aliases, seconds=st.sampled_from([None, 3600]))
    def set(self, thread: Thread, scope: Scope, alias: str, seconds: int | None) -> None:
        self.request("set", thread, scope, alias, seconds)

    @rule(thread=threads, scope=scopes_)
    def reset(self, thread: Thread, scope: Scope) -> None:
        self.request("reset", thread, scope)

    @rule(thread=threads, scope=scopes_)
    def lock(self, thread: Thread, scope: Scope) -> None:
        self.request("lock", thread, scope)

    @rule(thread=threads, scope=scopes_)
    def unlock(self, thread: Thread, scope: Scope) -> None:
        self.request("unlock", thread, scope)

    @rule(thread=threads, scope=scopes_, alias=aliases)
    def locks_nest(self, thread: Thread, scope: Scope, alias: str) -> None:
        self.request("set", thread, scope, alias, None)
        self.request("lock", thread, scope)
        self.request("lock", thread, Scope.WORKSPACE)

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def send_a_request_again(self, data: st.DataObject) -> None:
        call, change = data.draw(st.sampled_from(self.requests))
        assert self.send(call) == change

    @rule(thread=threads, scope=scopes_)
    def the_time_of_a_setting_passes(self, thread: Thread, scope: Scope) -> None:
        held = self.at(thread, scope)
        if held is not None and held.own is not None and held.brief:
            name = self.store.key("scope", thread.scope_key(scope))
            self.run(self.redis.hset(name, "until", "1"))
            held.own = None

    @rule()
    def the_server_forgets_its_scripts(self) -> None:
        self.run(self.redis.script_flush())

    @rule(thread=threads, alias=aliases)
    def ask_once_for(self, thread: Thread, alias: str) -> None:
        in_force, locked = self.expected(thread)
        try:
            assert self.run(self.scopes.in_force(thread, alias)).alias == alias
            allowed = True
        except NotAllowed:
            allowed = False
        assert allowed is (not locked or alias == in_force)

    # ---- what always holds ----

    @invariant()
    def every_thread_has_the_model_that_it_should(self) -> None:
        for thread in THREADS:
            choice = self.run(self.scopes.in_force(thread))
            assert (choice.alias, choice.reason.startswith("lock:")) == self.expected(thread)

    def teardown(self) -> None:
        entries = self.run(read_audit(self.store))
        assert len(entries) == self.changes
        assert verify(entries, self.run(audit_head(self.store))) is None
        super().teardown()


def test_settings_agree_with_the_model_under_any_sequence(redis_url: str) -> None:
    agrees(ScopesMachine, redis_url, examples=30, steps=30)
