"""One request of a route that moves: who answers it, who answers instead, and its shadow."""

import random
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from framework_gateway.migrate.attempts import RAISED, Attempt, Outcome, is_own_fault, reason_of
from framework_gateway.migrate.headers import add_vary, has_credentials, is_credential
from framework_gateway.migrate.jobs import Job, members_for_shadow
from framework_gateway.migrate.options import Credentials
from framework_gateway.migrate.recording import Loss, RecordedRequest, RecordedResponse, Tape
from framework_gateway.migrate.rollout import Decision
from framework_gateway.migrate.testers import HEADER, Side
from framework_gateway.observability.observer import is_fault
from framework_gateway.wsgi.bodies import declared_length
from framework_gateway.wsgi.errors import means_client_left

if TYPE_CHECKING:
    from framework_gateway.migrate.serving import Serving

MARGIN = 0.1  # seconds; the gateway's own clock for a request begins before this one


class MovedRequest:
    """One request of a route that moves."""

    def __init__(
        self, serving: "Serving", decision: Decision, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self.serving = serving
        self.decision = decision
        self.scope = scope
        self.side: Side = decision.side
        self._send = send
        self._began = perf_counter()
        self.timeout = min(serving.limit, serving.options.timeout)
        self._copy: Scope | None = None  # the scope of the new application, until it has answered
        self.wants_shadow = self._is_sampled()
        # Applications change the scope, so it is read before.
        self._job = self._plan() if self.wants_shadow else None
        budget, limit = serving.shadows.budget, serving.options.limits.body
        self.response = RecordedResponse(self._mark, Tape(budget, limit), self._submit)
        if self.wants_shadow or decision.may_fall_back:
            tape, is_empty = Tape(budget, limit), declared_length(scope) == 0
            self.request: RecordedRequest | None = RecordedRequest(receive, tape, is_empty)
            self.receive: Receive = self.request.receive
        else:
            self.request, self.receive = None, receive
        if not self.wants_shadow:
            self.response.tape.drop(Loss.FULL)

    def _is_sampled(self) -> bool:
        """Return whether the request gets a shadow, as far as it is known before the answer."""
        rule = self.decision.rule
        # It chooses a sample, no secret.
        if not self.decision.is_shadowed or random.random() * 100 >= rule.share:  # nosec B311
            return False
        if rule.credentials is Credentials.SKIP and has_credentials(self.scope):
            self.serving.observer.note_loss(self.decision.route, Loss.CREDENTIALS)
            return False
        return True

    def _plan(self) -> Callable[[], Job]:
        """Return a function that makes the job for the shadow."""
        scope, prefix = self.scope, self.serving.rollout.prefix
        # A copy, because some applications change the list itself.
        headers, members = [*scope["headers"]], members_for_shadow(scope)
        is_changed = self.decision.rule.credentials is Credentials.REMOVE and has_credentials(scope)
        if is_changed:
            headers = [one for one in headers if not is_credential(one[0])]
            members.pop("user", None)
        members["root_path"] = scope["root_path"].removesuffix(prefix)
        method, path = scope["method"], path_below(scope)

        def make() -> Job:
            assert self.request is not None
            request, answer = self.request.tape, self.response.tape
            return Job(
                route=self.decision.route,
                side=self.side,
                method=method,
                path=path,
                headers=headers,
                body=request.data,
                scope=members,
                is_changed=is_changed,
                size=request.size + answer.size,
                seconds=self.response.seconds,
                status=self.response.status,
                answer_headers=self.response.headers,
                answer_body=answer.data,
            )

        return make

    async def run(self) -> None:
        """Answer the request."""
        try:
            if self.decision.may_fall_back and await self._try_new():
                return
            await self._answer()
        finally:
            if self.wants_shadow:
                self._lose(self.response.tape.loss or Loss.INCOMPLETE)
            if self.request is not None:
                self.request.tape.release()

    async def _try_new(self) -> bool:
        """Let the new application answer; return whether the old one need not."""
        serving, request = self.serving, self.request
        assert request is not None
        # The headers, too: the old application must not see what the new one makes of them.
        self._copy = {**self.scope, "headers": [*self.scope["headers"]]}
        attempt = Attempt(self.response.send)
        call = partial(serving.call, "new", self._copy, request.receive, attempt.send)
        try:
            has_answered = await attempt.run(serving.mounts["new"], call, serving.timeout)
        except HTTPException:
            raise
        except RAISED as error:
            self._note_end("new", error)
            raise
        if has_answered:
            self.scope.update(self._copy)
            self._note("new", self._outcome())
            return True
        self._note("new", attempt.outcome, attempt.reason)
        if request.has_left or attempt.outcome is Outcome.LEFT or request.tape.loss:
            return self._give_up(attempt)
        self._copy = None
        self.side = "old"
        self.receive = request.again()
        self.response.restart()
        if self.wants_shadow:  # the new application has failed already
            self.wants_shadow = False
            self.response.tape.drop(Loss.FULL)
        serving.observer.note_fallback(self.decision.route)
        return False

    def _give_up(self, attempt: Attempt) -> bool:
        """Answer 502 if the request cannot be sent again; nothing if the client has left."""
        assert self.request is not None
        if self.request.tape.loss and not self.request.has_left:
            raise HTTPException(502)
        return True

    async def _answer(self) -> None:
        """Let the chosen application answer; nothing replaces its answer."""
        serving, side = self.serving, self.side
        mount = serving.mounts[side]
        try:
            await serving.call(side, self.scope, self.receive, self.response.send)
        except HTTPException as error:
            if error.status_code < 500:
                raise
            outcome = Outcome.GATEWAY if is_own_fault(error, mount) else Outcome.FAILURE
            self._note(side, outcome, reason_of(error, mount))
            raise
        except RAISED as error:
            self._note_end(side, error)
            raise
        self._note(side, self._outcome())

    def _note_end(self, side: Side, error: BaseException) -> None:
        """Note that an application has raised something, or was cancelled after its time."""
        if is_fault(error):
            outcome = Outcome.LEFT if means_client_left(error) else Outcome.FAILURE
            self._note(side, outcome, reason_of(error, self.serving.mounts[side]))
        elif not self.response.status and perf_counter() - self._began >= self.timeout - MARGIN:
            self._note(side, Outcome.FAILURE, f"no answer within {self.timeout:g} s")

    def _outcome(self) -> Outcome:
        """Return how an application has ended that has raised nothing."""
        if not self.response.status:
            return Outcome.LEFT
        return Outcome.FAILURE if self.response.status >= 500 else Outcome.SUCCESS

    def _note(self, side: Side, outcome: Outcome, reason: str = "") -> None:
        if outcome is Outcome.FAILURE and not reason:
            reason = f"status {self.response.status}"
        has_begun = outcome is Outcome.SUCCESS
        seconds = self.response.seconds if has_begun else perf_counter() - self._began
        self.serving.observer.note_answer(self.decision, side, outcome, seconds, reason)

    def _submit(self) -> None:
        """Hand the request to the shadows, when the client has its answer."""
        if not self.wants_shadow or self._job is None or self.request is None:
            return
        asked, answered = self.request.tape, self.response.tape
        loss = asked.loss or answered.loss or (None if asked.is_complete else Loss.INCOMPLETE)
        if self.response.status == 304:
            loss = Loss.NOT_MODIFIED
        if loss is not None:
            return self._lose(loss)
        self.wants_shadow = False
        job = self._job()
        # The job gives the memory back from now on.
        asked.size = answered.size = 0
        self.serving.shadows.submit(job)

    def _lose(self, loss: Loss) -> None:
        self.wants_shadow = False
        self.response.tape.drop(loss)
        self.serving.observer.note_loss(self.decision.route, loss)

    async def _mark(self, message: Message) -> None:
        """Send a message; tell caches what the choice depends on, and testers the side."""
        if message["type"] == "http.response.start":
            if self._copy is not None:
                self.scope.update(self._copy)
            decision = self.decision
            headers = [*message.get("headers", ())]
            if decision.vary:
                add_vary(headers, decision.vary)
            if decision.is_tester:
                headers.append((HEADER, self.side.encode()))
            message = {**message, "headers": headers}
        await self._send(message)


def path_below(scope: Scope) -> str:
    """Return the path below the prefix as it was sent, with the query."""
    root: str = scope["root_path"]
    path: str = scope["path"].removeprefix(root)
    raw: bytes | None = scope.get("raw_path")
    sent = raw.decode("latin-1").partition("?")[0] if raw else ""
    below = sent.removeprefix(root) if sent.startswith(root) else quote(path)
    query = scope["query_string"].decode("latin-1")
    return f"{below}?{query}" if query else below
