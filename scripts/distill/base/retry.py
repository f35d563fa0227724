"""Retry with exponential back-off, and what a server says of when to try again. Downloads and chat endpoints both wait as this says."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from distill.base.errors import InputError

Result = TypeVar("Result")


def is_temporary(status: int) -> bool:
    """Whether the same request may succeed later: timeout, conflict, too early, too many requests, or an error of the server."""
    return status in (408, 409, 425, 429) or status >= 500


class TemporaryError(Exception):
    """A failure that may pass. `retry_after` is the Retry-After header of the response, if it had one; `advice` is for when it does not."""

    def __init__(self, reason: str, retry_after: str | None = None, advice: str = ""):
        super().__init__(reason)
        self.reason, self.retry_after, self.advice = reason, retry_after, advice


class AttemptsExhausted(InputError):
    """Every attempt that the policy allows has failed in a way that may pass."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often to try: `max_failures` in a row without progress, `max_attempts` in all. `timeout_s` without a byte is a failure."""

    max_failures: int = 6
    max_attempts: int = 200
    first_wait_s: float = 1.0
    longest_wait_s: float = 300.0
    timeout_s: float = 30.0

    def wait_s(self, failure: int, retry_after: str | None = None) -> float:
        """Seconds to wait after `failure` failures in a row: as the server says, else doubling each time; at most `longest_wait_s`."""
        said = retry_after_s(retry_after)
        wait = self.first_wait_s * 2 ** min(failure - 1, 30) if said is None else said
        return min(wait, self.longest_wait_s)


def retry_after_s(header: str | None) -> float | None:
    """A Retry-After header, a number of seconds or a date (RFC 9110, 10.2.3), as seconds from now; None for none or nonsense."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            at = parsedate_to_datetime(header)
        except ValueError:
            return None
        seconds = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def retry(call: Callable[[], Result], what: str, policy: RetryPolicy, progress: Callable[[], int] = lambda: 0) -> Result:
    """The result of `call`, which raises TemporaryError to be called again after a wait.

    A failure after which `progress` has grown counts as the first in a row. Raises AttemptsExhausted once the policy allows no more.
    """
    failure, reason, advice = 0, "", ""
    for _ in range(policy.max_attempts):
        before = progress()
        try:
            return call()
        except TemporaryError as error:
            reason, advice = error.reason, error.advice
            failure = 1 if progress() > before else failure + 1
            if failure > policy.max_failures:
                break
            wait = policy.wait_s(failure, error.retry_after)
            print(f"{what}: {reason}; next attempt in {wait:.0f} s", flush=True)
            time.sleep(wait)
    advice = advice or "run the same command later, it goes on where it stopped"
    raise AttemptsExhausted(f"{what}: {reason}, time after time: nothing was replaced; {advice}")
