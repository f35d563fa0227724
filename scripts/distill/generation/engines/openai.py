"""Answers by a server that speaks OpenAI's chat completions: DeepSeek's API, vLLM serve, SGLang, transformers serve.

Requests run side by side; temporary failures are retried after waits that double and are jittered by the request's seed.
"""

import asyncio
import json
import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from distill.base.errors import InputError
from distill.base.retry import RetryPolicy
from distill.generation.budget import Ledger
from distill.generation.engines import Answer, Request, Sampling, Unanswered
from distill.generation.engines.chat_completions import RequestFailure, body, most_prompt_tokens, read

CONNECT_S = 10.0
LONGEST_WAIT_S = 60.0  # between two attempts, unless the server asks for more
MAX_RETRY_AFTER_S = 900.0  # a server that asks for a longer wait is given up
MAX_BYTES = 1 << 26  # of one response
FAILURES_IN_A_ROW = 5  # requests in a row that no attempt got an answer to: the server is down


class Engine:
    """A model behind an endpoint.

    Runtime: base_url (mostly ends in /v1), key_variable (the environment variable that holds the key; without it none is sent),
    concurrency (requests at a time), timeout_s (of an attempt as a whole), retries, backoff_s (before the first retry), model (its name
    there, where that is not `model`), extra (further fields of each request). Raises InputError where the server is down, or the key is
    missing or refused.
    """

    def __init__(self, model: str | Path, runtime: dict[str, Any]):
        self.model = str(runtime.get("model", model))
        self.url = runtime["base_url"].rstrip("/")
        self.concurrency = runtime["concurrency"]
        self.timeout_s = runtime["timeout_s"]
        self.policy = RetryPolicy(max_failures=runtime["retries"], first_wait_s=runtime["backoff_s"], longest_wait_s=LONGEST_WAIT_S)
        self.extra = runtime.get("extra") or {}
        self._key = _key(runtime.get("key_variable"), self.url)
        self._key_variable = runtime.get("key_variable")
        self._tls = httpx.create_ssl_context()
        self._offered = self._look()

    def answers(
        self, requests: list[Request], sampling: Sampling, ledger: Ledger | None = None, answered: bool = False
    ) -> Iterator[tuple[int, Answer]]:
        """Raises Unanswered at the end where requests failed. `answered`: earlier runs had answers from there.

        It `ended` early where the budget of `ledger` is too small for the next request, or where no request would be answered: key or model
        are refused, or the server is down. Requests in flight are completed.
        """
        if sampling.context is not None:
            raise InputError(
                f"{self.url}: an endpoint does not say how many tokens a prompt has, so context: cannot be kept there; remove it"
            )
        run = _Run(self, requests, sampling, ledger, answered)
        with asyncio.Runner() as runner:
            stream = run.answers()
            while (found := runner.run(_next(stream))) is not None:
                yield found
        run.close()

    def client(self) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=self.concurrency)
        timeout = httpx.Timeout(None, connect=CONNECT_S)
        return httpx.AsyncClient(headers=self._headers(), timeout=timeout, limits=limits, verify=self._tls)

    def refused(self, why: str) -> InputError:
        """One line about trouble that ends the run."""
        if why.startswith(("HTTP 401", "HTTP 403")):
            if self._key is None:
                return InputError(f"{self.url}: wants a key ({why}): name the environment variable that holds it as key_variable")
            return InputError(
                f"{self.url}: refuses the key ({why}): set the environment variable {self._key_variable} to one that it takes"
            )
        if self._offered and self.model not in self._offered:
            return InputError(f"{self.url}: no model {self.model!r} there ({why}): it has {', '.join(self._offered[:8])}")
        return InputError(f"{self.url}: {why}: fix base_url or model, or wait until it answers; answers so far are kept")

    def hide(self, text: str) -> str:
        """A server's words without the key, which some repeat."""
        return text.replace(self._key, "***") if self._key else text

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}

    def _look(self) -> list[str]:
        """The models that the endpoint lists; none where it has no list."""
        try:
            response = httpx.get(f"{self.url}/models", headers=self._headers(), timeout=CONNECT_S, verify=self._tls)
            if response.status_code in (401, 403):
                raise self.refused(f"HTTP {response.status_code}")
            return [str(entry["id"]) for entry in response.json()["data"]] if response.status_code == 200 else []
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise InputError(f"{self.url}: endpoint not reachable ({_words(error)}): start the server or fix base_url") from None
        except (httpx.HTTPError, ValueError, LookupError, TypeError):
            return []


class _Run:
    """One call of Engine.answers."""

    def __init__(self, engine: Engine, requests: list[Request], sampling: Sampling, ledger: Ledger | None, answered: bool):
        self.engine = engine
        self.requests = requests
        self.sampling = sampling
        self.ledger = ledger
        self.todo = iter(range(len(requests)))
        self.failed: dict[int, str] = {}
        self.unread: dict[int, str] = {}
        self.without_usage = 0
        self.failed_in_a_row = 0
        self.answered = answered
        self.under_way = 0
        self.not_before = 0.0  # on the monotonic clock: no request before then, as the server asked
        self.end: Unanswered | None = None
        self.ended = asyncio.Event()
        self.settled = asyncio.Condition()

    async def answers(self) -> AsyncIterator[tuple[int, Answer]]:
        out: asyncio.Queue[tuple[int, Answer] | None] = asyncio.Queue()
        async with self.engine.client() as client:
            count = min(self.engine.concurrency, len(self.requests))
            workers = asyncio.gather(*(self._work(client, out) for _ in range(count)))
            workers.add_done_callback(lambda _: out.put_nowait(None))
            try:
                while (found := await out.get()) is not None:
                    yield found
                await workers
            finally:
                workers.cancel()

    def close(self) -> None:
        """Raise what is to be said at the end."""
        if self.end is not None:
            raise self.end
        if self.failed:
            place, why = next(iter(self.failed.items()))
            raise Unanswered(
                f"{self.engine.url}: {len(self.failed)} requests failed; the first, {place}: {why}", self.failed, unread=self.unread
            )

    async def _work(self, client: httpx.AsyncClient, out: asyncio.Queue) -> None:
        while self.end is None and (place := next(self.todo, None)) is not None:
            found = await self._ask(client, self.requests[place])
            if isinstance(found, Answer):
                self.failed_in_a_row, self.answered = 0, True
                out.put_nowait((place, found))
            elif found is not None:
                self.failed[place] = self.engine.hide(found.why)
                if found.raw is not None:
                    self.unread[place] = self.engine.hide(found.raw)
                self.failed_in_a_row += 1
                # Refusals of single requests say nothing of others, unless there never was anything but refusals.
                down = self.failed_in_a_row >= FAILURES_IN_A_ROW and (found.retry or not self.answered)
                if found.fatal or down:
                    line = str(self.engine.refused(self.failed[place]))
                    await self._stop(Unanswered(line, self.failed, "refusal", self.unread))

    async def _ask(self, client: httpx.AsyncClient, request: Request) -> Answer | RequestFailure | None:
        """An answer, or the last failure; None where the run ended before the first attempt."""
        request_body = json.dumps(body(self.engine.model, request, self.sampling, self.engine.extra)).encode()
        found = None
        policy = self.engine.policy
        for attempt in range(policy.max_failures + 1):
            await self._pause(self.not_before - time.monotonic())
            entry = await self._enter(request)
            if entry is None:
                break
            found = await self._attempt(client, request_body)
            await self._settle(entry, found)
            if isinstance(found, Answer) or not found.retry or found.wait_s > MAX_RETRY_AFTER_S:
                break
            self.not_before = max(self.not_before, time.monotonic() + found.wait_s)
            if attempt < policy.max_failures:
                jitter = random.Random(f"{request.seed}/{attempt}").uniform(0.5, 1.0)
                await self._pause(jitter * policy.wait_s(attempt + 1))
        return found

    async def _attempt(self, client: httpx.AsyncClient, request_body: bytes) -> Answer | RequestFailure:
        url = f"{self.engine.url}/chat/completions"
        content = bytearray()
        try:
            async with (
                asyncio.timeout(self.engine.timeout_s),
                client.stream("POST", url, content=request_body, headers={"Content-Type": "application/json"}) as response,
            ):
                async for chunk in response.aiter_bytes():
                    content += chunk
                    if len(content) > MAX_BYTES:
                        return RequestFailure(f"a response of over {MAX_BYTES} bytes", retry=False, billed=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return RequestFailure(f"not reachable ({_words(error)})")
        except TimeoutError:
            return RequestFailure(f"no answer within {self.engine.timeout_s:g} s", billed=True)
        except httpx.RequestError as error:
            return RequestFailure(f"connection lost ({_words(error)})", billed=True)
        found = read(response.status_code, response.headers.get("retry-after"), bytes(content), self.sampling.max_new_tokens)
        return replace(found, raw=self.engine.hide(found.raw)) if isinstance(found, Answer) and found.raw else found

    async def _enter(self, request: Request) -> int | None:
        """The entry of an attempt in the ledger, once the budget holds it; None where the run has ended.

        While other requests are under way they may yet turn out smaller than they were entered.
        """
        async with self.settled:
            while self.end is None:
                worst = (most_prompt_tokens(request), self.sampling.max_new_tokens)
                entry = -1 if self.ledger is None else self.ledger.enter(*worst)
                if entry is not None:
                    self.under_way += 1
                    return entry
                if not self.under_way:
                    line = f"stopped at the budget after {self.ledger}, as the next request may come to {sum(worst):,} tokens"
                    self._end(Unanswered(line, self.failed, "budget", self.unread))
                    self.settled.notify_all()
                else:
                    await self.settled.wait()
        return None

    async def _settle(self, entry: int, found: Answer | RequestFailure) -> None:
        async with self.settled:
            self.under_way -= 1
            if isinstance(found, Answer):
                if found.prompt_tokens is None or found.completion_tokens is None:
                    self._warn_of_missing_usage()
                elif self.ledger is not None:
                    self.ledger.settle(entry, found.prompt_tokens, found.completion_tokens)
            elif self.ledger is not None and not found.billed:
                self.ledger.settle(entry, 0, 0)
            self.settled.notify_all()

    def _warn_of_missing_usage(self) -> None:
        """Once a run: the entry in the ledger stays at its worst."""
        if not self.without_usage and self.ledger is not None:
            print(
                f"warning: {self.engine.url} does not tell the tokens of its answers: each counts as the most that it may have cost",
                flush=True,
            )
        self.without_usage += 1

    async def _stop(self, why: Unanswered) -> None:
        async with self.settled:
            self._end(why)
            self.settled.notify_all()

    def _end(self, why: Unanswered) -> None:
        self.end = self.end or why
        self.ended.set()

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the run."""
        try:
            await asyncio.wait_for(self.ended.wait(), max(seconds, 0.0))
        except TimeoutError:
            return


async def _next(stream: AsyncIterator[tuple[int, Answer]]) -> tuple[int, Answer] | None:
    return await anext(stream, None)


def _key(variable: str | None, url: str) -> str | None:
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        raise InputError(f"{url}: no key: set the environment variable {variable}")
    if not key.isascii() or not key.isprintable():
        raise InputError(f"{url}: the environment variable {variable} holds characters that no key has: set it again")
    return key


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
