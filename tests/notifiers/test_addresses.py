"""Where a message may go."""

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from openbell.notifiers.addresses import refusal
from openbell.notifiers.services import Service
from openbell.notifiers.webhook import Webhook
from openbell.values.message import Failed, Sent
from tests.notifiers.receiver import Receiver
from tests.notifiers.samples import posted, reference

NEVER = ["169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "0.0.0.0/32", "168.63.129.16/32", "100.100.100.200/32"]
NEVER_6 = ["fe80::/10", "ff00::/8", "::/128", "fd00:ec2::254/128"]
PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/24", "fc00::/16", "::1/128"]
PUBLIC = ["8.8.8.0/24", "1.1.1.0/24", "2606:4700::/32"]


def inside(networks):
    def addresses(text):
        network = ipaddress.ip_network(text)
        whole = st.integers(int(network.network_address), int(network.broadcast_address))
        return whole.map(type(network.network_address))

    return st.sampled_from(networks).flatmap(addresses)


def spellings(address):
    """An address of IPv4 and the ways in which IPv6 can mean it."""
    number = int(address)
    yield str(address)
    for prefix, shift in ((0xFFFF << 32, 0), (0x64FF9B << 96, 0), (0x2002 << 112, 80)):
        yield str(ipaddress.IPv6Address(prefix | number << shift))


@given(inside(NEVER))
def test_X14_link_local_metadata_multicast_and_nobodys_addresses_are_refused_in_every_spelling(address):
    assert all(refusal(text, private) for text in spellings(address) for private in (False, True))


@given(inside(NEVER_6))
def test_X14_the_same_of_ipv6_and_with_a_zone(address):
    assert refusal(str(address), private=True)
    assert refusal(f"{address}%eth0", private=True)


@given(inside(PRIVATE))
def test_X14_private_addresses_need_the_word_of_the_plan(address):
    assert "private" in refusal(str(address), private=False)
    assert refusal(str(address), private=True) == ""


@given(inside(PUBLIC))
def test_public_addresses_are_spoken_to(address):
    assert refusal(str(address), private=False) == ""


@pytest.fixture
def names(monkeypatch):
    """Answers of the resolver, one for each question; one too many is an error."""
    answers: list[list[str]] = []

    def resolver(host, port, *rest, **more):
        found = answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    return answers


def webhook(address: str, private: bool = False) -> Webhook:
    return Webhook(reference(address, private), SecretStr(""))


@pytest.mark.parametrize("addresses", [["169.254.169.254"], ["8.8.8.8", "10.0.0.1"], ["127.0.0.1"], ["fe80::1%eth0"]])
def test_X14_name_is_judged_by_each_address_that_it_has_when_the_message_is_sent(names, addresses):
    names.append(addresses)
    answer = webhook("https://hooks.example/x").send(posted())
    assert isinstance(answer, Failed)
    assert answer.final
    assert answer.detail.startswith("refused: ")


def test_X14_name_that_changes_its_address_meanwhile_gains_nothing(names, receiver: Receiver):
    names += [["127.0.0.1"]]
    answer = webhook(f"http://localhost:{receiver.port}/x", private=True).send(posted())
    assert answer == Sent()
    assert receiver.received[0].headers["host"] == f"localhost:{receiver.port}"
    assert names == []


def test_X14_http_goes_to_this_machine_alone_whatever_its_name_means(names):
    names.append(["10.0.0.1"])
    answer = webhook("http://localhost:8/x", private=True).send(posted())
    assert answer == Failed("refused: 10.0.0.1 is not this machine, and http is not encrypted", final=True)


def test_next_address_is_tried_when_nobody_listens_at_the_first(names, receiver: Receiver):
    names.append(["127.0.0.2", "127.0.0.1"])
    assert webhook(f"http://localhost:{receiver.port}/", private=True).send(posted()) == Sent()


def test_name_that_nobody_knows_may_be_known_later(names, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: (_ for _ in ()).throw(socket.gaierror(-2, "unknown")))
    assert webhook("https://hooks.example/x").send(posted()) == Failed("the name of its host is not known")


@pytest.mark.parametrize(
    ("address", "private", "why"),
    [
        ("jsons://localhost:{port}/x", False, "is this machine"),
        ("jsons://169.254.169.254/x", True, "metadata"),
        ("json://localhost:{port}/x", False, "would not be encrypted"),
        ("mailtos://u:p@b.example:{port}?smtp=127.0.0.1&to=a@b.example&from=c@d.example", False, "is this machine"),
        ("mailtos://u:p@b.example?smtp=169.254.169.254&to=a@b.example&from=c@d.example", True, "metadata"),
        ("syslog://", False, "would not be encrypted"),
    ],
)
def test_X14_services_are_held_to_the_same_addresses_at_each_connection(receiver, address, private, why):
    service = Service(reference(address.format(port=receiver.port), private, live=not private))
    answer = service.send(posted())
    assert isinstance(answer, Failed)
    assert answer.final, answer
    assert why in answer.detail
    assert receiver.received == []
