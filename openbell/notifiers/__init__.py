"""Notifiers: adapters that take a message to people. A target is named by reference, its address is a secret.

    open_target(target, live)    the notifier behind ``env:OPENBELL_NOTIFY_NAME``
    check_target(target, live)   say what is wrong with the address, as far as it is known here

``https://`` (and ``http://`` on this machine) is a webhook; every other address is one of Apprise, such as
``tgram://``, ``slack://`` or ``mailtos://``.
"""

import os

from openbell.errors import SettingsError
from openbell.notifiers.references import Reference, secret_of
from openbell.notifiers.services import Service
from openbell.notifiers.webhook import Webhook
from openbell.ports.outbox import Notifier
from openbell.values.notify import Target

__all__ = ["check_target", "open_target"]


def open_target(target: Target, live: bool) -> Notifier:
    """The notifier of a target that is named by an environment variable; SettingsError says what is wrong with it.

    A ``live`` plan speaks to nobody without encryption, not even on this machine.
    """
    if not target.to.startswith("env:"):
        raise SettingsError(f"target {target.to} is a block, which Prefect alone can open")
    name = target.to.removeprefix("env:")
    reference = Reference(name, secret_of(name), target.private, live)
    if reference.scheme in ("http", "https"):
        return Webhook(reference, secret_of(f"{name}_KEY", needed=False))
    return Service(reference)


def check_target(target: Target, live: bool) -> None:
    """SettingsError when the address is one that must not be used; one that is not set here may be elsewhere."""
    if not os.environ.get(target.to.removeprefix("env:")):
        return
    notifier = open_target(target, live)
    if isinstance(notifier, Service):
        notifier.check()
