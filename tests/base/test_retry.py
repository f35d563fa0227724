"""Retry with back-off: waits double, a server's own word goes first, progress starts the count again."""

import time

import pytest

from distill.base.errors import InputError
from distill.base.retry import RetryPolicy, TemporaryError, is_temporary, retry, retry_after_s

POLICY = RetryPolicy(max_failures=2, max_attempts=10, first_wait_s=0.0)


def test_waits_double_up_to_the_longest():
    policy = RetryPolicy(first_wait_s=1, longest_wait_s=300)
    assert [policy.wait_s(failure) for failure in (1, 2, 3, 20, 5000)] == [1, 2, 4, 300, 300]


@pytest.mark.parametrize(("header", "wait"), [("7", 7), ("86400", 300), ("soon", 1), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("inf", 1)])
def test_the_server_decides_the_wait_up_to_the_longest(header, wait):
    assert RetryPolicy(first_wait_s=1, longest_wait_s=300).wait_s(1, header) == wait


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3), (None, None), ("-1", 0), ("inf", None), ("soon", None), ("nan", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_retry_after_in_seconds(header, seconds):
    assert retry_after_s(header) == seconds


def test_retry_after_as_a_date():
    ahead = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 30))
    assert 25 < retry_after_s(ahead) <= 30
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0


@pytest.mark.parametrize(("status", "temporary"), [(200, False), (404, False), (409, True), (429, True), (500, True), (503, True)])
def test_which_statuses_may_pass(status, temporary):
    assert is_temporary(status) is temporary


def attempts(outcomes, progress=None):
    """(a call that ends as `outcomes` say, one after the other; the list of those that are left)"""
    left = list(outcomes)

    def call():
        outcome = left.pop(0)
        if outcome == "fails":
            raise TemporaryError("the server answered 503")
        if outcome == "fails after progress":
            progress.append(1)
            raise TemporaryError("the connection was cut")
        return outcome

    return call, left


def test_a_call_that_succeeds_in_time_has_its_result():
    call, left = attempts(["fails", "fails", "result", "never called"])
    assert retry(call, "it", POLICY) == "result"
    assert left == ["never called"]


def test_too_many_failures_in_a_row_are_one_line():
    call, left = attempts(["fails"] * 5)
    with pytest.raises(InputError, match=r"^it: the server answered 503, time after time: .*run the same command later"):
        retry(call, "it", POLICY)
    assert len(left) == 2


def test_progress_starts_the_count_again_and_the_attempts_are_bounded():
    done = []
    call, left = attempts(["fails after progress"] * 12, done)
    with pytest.raises(InputError):
        retry(call, "it", POLICY, progress=lambda: len(done))
    assert len(left) == 2
