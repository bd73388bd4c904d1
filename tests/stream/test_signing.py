"""Who may post to us: every forged, stale or repeated request is refused with one word."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.sources.signing import BadSignature, Seen, Verifier, sign

NOW_S = 1_500_000_000
NOW_MS = NOW_S * 1000
BODY = b'{"id":"1"}'


def refused(verifier, timestamp, signature, body=BODY, now_ms=NOW_MS):
    with pytest.raises(BadSignature) as caught:
        verifier.check(timestamp, signature, body, now_ms)
    return caught.value.reason


def test_the_signature_is_what_the_documentation_says():
    """HMAC-SHA256 over the timestamp, a full stop and the body, in hex, after `v1=`."""
    expected = hmac.new(b"s", b"17." + BODY, hashlib.sha256).hexdigest()
    assert sign("s", 17, BODY) == f"v1={expected}"


def test_a_good_request_is_taken_once():
    """The same bytes under the same signature are a replay, however soon they come."""
    verifier = Verifier(["s"])
    verifier.check(str(NOW_S), sign("s", NOW_S, BODY), BODY, NOW_MS)
    assert refused(verifier, str(NOW_S), sign("s", NOW_S, BODY)) == "replayed"


def test_two_secrets_are_live_while_one_is_changed():
    """Senders with the old and the new secret are both heard, nobody else is."""
    verifier = Verifier(["new", "old"])
    for secret in ("new", "old"):
        verifier.check(str(NOW_S), sign(secret, NOW_S, BODY), BODY, NOW_MS)
    assert refused(verifier, str(NOW_S), sign("older", NOW_S, BODY)) == "wrong"


@pytest.mark.parametrize(
    ("timestamp", "signature", "reason"),
    [
        (None, sign("s", NOW_S, BODY), "missing"),
        (str(NOW_S), None, "missing"),
        ("", "", "missing"),
        ("soon", sign("s", NOW_S, BODY), "malformed"),
        ("٣", sign("s", NOW_S, BODY), "malformed"),
        (f"+{NOW_S}", sign("s", NOW_S, BODY), "malformed"),
        (f"0{NOW_S}", sign("s", NOW_S, BODY), "malformed"),
        (f"{NOW_S}.0", sign("s", NOW_S, BODY), "malformed"),
        ("9" * 400, sign("s", NOW_S, BODY), "malformed"),
        (str(NOW_S), sign("s", NOW_S, BODY)[3:], "malformed"),
        (str(NOW_S), sign("s", NOW_S, BODY).upper(), "malformed"),
        (str(NOW_S), sign("s", NOW_S, BODY) + "\n", "malformed"),
        (str(NOW_S), "v1=" + "é" * 64, "malformed"),
        (str(NOW_S - 301), sign("s", NOW_S - 301, BODY), "old"),
        (str(NOW_S + 301), sign("s", NOW_S + 301, BODY), "future"),
        (str(NOW_S), sign("s", NOW_S, BODY + b" "), "wrong"),
        (str(NOW_S), sign("s", NOW_S - 1, BODY), "wrong"),
    ],
)
def test_each_fault_has_its_word(timestamp, signature, reason):
    """Wrong, absent, old, future, not a number: refused with the reason, and nothing else is raised."""
    assert refused(Verifier(["s"]), timestamp, signature) == reason


@pytest.mark.parametrize("second", [NOW_S - 300, NOW_S + 300])
def test_the_window_is_five_minutes_both_ways(second):
    """300 seconds are in; the table above has 301 out."""
    assert Verifier(["s"]).check(str(second), sign("s", second, BODY), BODY, NOW_MS).timestamp_s == second


def test_a_replay_after_a_restart_is_refused():
    """What was kept of the accepted signatures makes a new process refuse them too."""
    kept = Verifier(["s"]).check(str(NOW_S), sign("s", NOW_S, BODY), BODY, NOW_MS)
    restarted = Verifier(["s"])
    restarted.restore([kept])
    assert refused(restarted, str(NOW_S), sign("s", NOW_S, BODY)) == "replayed"


def test_a_request_that_was_not_taken_may_come_again():
    """A sender told to wait may send the very same bytes."""
    verifier = Verifier(["s"])
    verifier.forget(verifier.check(str(NOW_S), sign("s", NOW_S, BODY), BODY, NOW_MS))
    assert verifier.check(str(NOW_S), sign("s", NOW_S, BODY), BODY, NOW_MS).at_ms == NOW_MS


def test_a_full_memory_lets_no_replay_through():
    """Of more signatures than it may keep, every single one is still refused a second time."""
    verifier = Verifier(["s"], seen_max=10)
    requests = [(NOW_S - 60 + n, b"%d" % n) for n in range(50)]
    for second, body in requests:
        verifier.check(str(second), sign("s", second, body), body, NOW_MS)
    again = [refused(verifier, str(second), sign("s", second, body), body) for second, body in requests]
    assert again == ["old"] * 40 + ["replayed"] * 10
    assert len(verifier._seen) == 10
    verifier.check(str(NOW_S), sign("s", NOW_S, b"new"), b"new", NOW_MS)


def test_memory_is_given_back_after_ten_minutes():
    """A signature is kept for as long as its time could be accepted, and no longer."""
    verifier = Verifier(["s"])
    verifier.restore([Seen(b"%032d" % n, NOW_S, NOW_MS) for n in range(100)])
    late_s = NOW_S + 601
    verifier.check(str(late_s), sign("s", late_s, BODY), BODY, late_s * 1000)
    assert len(verifier._seen) == 1


@pytest.mark.parametrize("secrets", [[], ["", "b"], ["a", "b", "c"]])
def test_a_source_without_a_usable_secret_does_not_start(secrets):
    """An empty secret would let everybody in."""
    with pytest.raises(ValueError, match="one or two secrets"):
        Verifier(secrets)


def test_no_secret_is_in_an_error():
    """Neither the text nor the representation of what is raised holds the secret."""
    with pytest.raises(BadSignature) as caught:
        Verifier(["canary-secret"]).check(str(NOW_S), sign("x", NOW_S, BODY), BODY, NOW_MS)
    assert "canary" not in f"{caught.value} {caught.value!r} {caught.value.__dict__}"


@given(st.none() | st.text(), st.none() | st.text() | st.text("0123456789abcdefv=", min_size=60), st.binary())
def test_nothing_forged_is_accepted_and_nothing_else_raised(timestamp, signature, body):
    """Whatever the headers hold, the answer is one of six words."""
    words = {"missing", "malformed", "old", "future", "wrong", "replayed"}
    assert refused(Verifier(["s"]), timestamp, signature, body) in words
