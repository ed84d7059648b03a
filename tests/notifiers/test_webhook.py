"""What a webhook receives, and over which connection."""

import base64
import hashlib
import hmac
import ssl
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from openbell.errors import SettingsError
from openbell.notifiers import check_target, open_target
from openbell.notifiers.webhook import Webhook
from openbell.values.message import Failed, Sent
from openbell.values.notify import Target
from tests.notifiers.receiver import Receiver, answer, receiving
from tests.notifiers.samples import CANARY, NOW, OPS, posted, reference

NO_KEY = SecretStr("")
VARIABLE = OPS.removeprefix("env:")


def test_payload_says_what_happened_and_stays_the_same_message_when_it_is_repeated(receiver: Receiver):
    hook = Webhook(reference(receiver.url()), NO_KEY)
    assert hook.send(posted(times=3, last_seen=NOW + timedelta(minutes=9))) == Sent()
    assert hook.send(posted(tries=2)) == Sent()
    first, second = receiver.received
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == posted().id == first.json["id"]
    assert first.headers["content-type"] == "application/json"
    assert first.json == {
        "version": 1,
        "id": posted().id,
        "source": "runs/1",
        "plan": "demo",
        "level": "info",
        "kind": "trade",
        "subject": "demo trade: completed (3 times)",
        "body": "completed: no orders\nThis came 3 times, last 2026-11-24 14:44 UTC.",
        "text": "demo trade: completed (3 times)\ncompleted: no orders\nThis came 3 times, last 2026-11-24 14:44 UTC.",
        "times": 3,
        "time": "2026-11-24T14:35:00Z",
    }


def test_signature_covers_time_and_body(receiver: Receiver):
    Webhook(reference(receiver.url()), SecretStr("signing key")).send(posted())
    (received,) = receiver.received
    stamp, signature = (part.partition("=")[2] for part in received.headers["x-openbell-signature"].split(","))
    expected = hmac.new(b"signing key", stamp.encode() + b"." + received.body, hashlib.sha256).hexdigest()
    assert signature == expected
    assert abs(int(stamp) - time.time()) < 60


def test_nothing_is_signed_without_a_key(receiver: Receiver):
    Webhook(reference(receiver.url()), NO_KEY).send(posted())
    assert "x-openbell-signature" not in receiver.received[0].headers


def test_login_of_an_address_goes_into_the_header_alone(receiver: Receiver):
    Webhook(reference(receiver.url().replace("//", f"//ops:{CANARY}@")), NO_KEY).send(posted())
    (received,) = receiver.received
    assert base64.b64decode(received.headers["authorization"].removeprefix("Basic ")).decode() == f"ops:{CANARY}"
    assert received.line == "POST /hook HTTP/1.1"
    assert CANARY not in received.headers["host"]


@pytest.mark.parametrize(
    ("wish", "after"), [("120", timedelta(minutes=2)), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-5", None)]
)
def test_wish_to_be_left_alone_is_heard(receiver: Receiver, wish, after):
    receiver.script = [answer(429, Retry_After=wish)]
    assert Webhook(reference(receiver.url()), NO_KEY).send(posted()) == Failed("answered 429", after=after)


# --- TLS -----------------------------------------------------------------------------------------------------


def certificate(folder, name: str):
    """A certificate that vouches for itself, and for one name."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(pem)
    (folder / "both.pem").write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, *private))


@pytest.mark.parametrize(("name", "taken"), [("localhost", True), ("elsewhere.example", False)])
def test_certificate_must_be_of_the_name_although_the_connection_goes_to_the_address(
    tmp_path, monkeypatch, name, taken
):
    certificate(tmp_path, name)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    with receiving(tls=context) as receiver:
        sent = Webhook(reference(f"https://localhost:{receiver.port}/x", live=True), NO_KEY).send(posted())
        assert (sent == Sent()) is taken, sent
        assert len(receiver.received) == taken


# --- addresses that are refused before anything is sent ------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "is not set, or empty"),
        ("changeme", "holds a placeholder"),
        (f"https://h/{CANARY}\n", "holds white space"),
        (f"https://h/{CANARY}" + "x" * 2000, "more than 2000"),
        (f"hooks.example/{CANARY}", "holds no address such as"),
        (f"file:///{CANARY}", "holds no address such as"),
        (f"http://hooks.example/{CANARY}", "use https"),
        (f"http://10.1.2.3/{CANARY}", "use https"),
        (f"https://169.254.169.254/{CANARY}", "metadata"),
        (f"https://[fe80::1]/{CANARY}", "link-local"),
        (f"https://224.0.0.1/{CANARY}", "multicast"),
        (f"https://0.0.0.0/{CANARY}", "nobody|no address of anybody"),
        (f"https://192.168.1.5/{CANARY}", "not marked private"),
        (f"https://h:99999/{CANARY}", "no URL that can be read|port outside"),
        (f"https://:443/{CANARY}", "without a host"),
    ],
)
def test_X14_address_that_must_not_be_used_is_refused_by_the_name_of_its_variable(monkeypatch, address, why):
    monkeypatch.setenv(VARIABLE, address)
    with pytest.raises(SettingsError) as caught:
        open_target(Target(to=OPS), live=False)
    assert VARIABLE in str(caught.value)
    assert any(part in str(caught.value) for part in why.split("|")), caught.value
    assert CANARY not in str(caught.value)


def test_X14_live_plan_speaks_to_nobody_without_encryption(monkeypatch):
    monkeypatch.setenv(VARIABLE, "http://127.0.0.1:9/x")
    target = Target(to=OPS, private=True)
    assert repr(open_target(target, live=False)) == f"Webhook({VARIABLE})"
    with pytest.raises(SettingsError, match="in a plan that is not live: use https"):
        open_target(target, live=True)


def test_block_is_for_prefect_alone():
    with pytest.raises(SettingsError, match="slack-webhook/ops is a block, which Prefect alone can open"):
        open_target(Target(to="slack-webhook/ops"), live=False)


def test_check_says_what_is_wrong_as_far_as_it_is_known_here(monkeypatch):
    check_target(Target(to=OPS), live=True)  # not set here; it may be where the worker is
    monkeypatch.setenv(VARIABLE, f"nonsense://{CANARY}/x")
    with pytest.raises(SettingsError, match="not one that Apprise can read") as caught:
        check_target(Target(to=OPS), live=True)
    assert CANARY not in str(caught.value)
    monkeypatch.setenv(VARIABLE, f"tgram://123456789:{'a' * 35}/-100")
    check_target(Target(to=OPS), live=True)
