"""A connection that any thread may use: a private thread owns it and its event loop.

Callers come from a task called directly, from one in a thread of a scheduler, or from under a running loop of their
own; none of them ever meets the loop of the connection.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

from openbell.errors import OpenbellError, WrongAccount
from openbell.venues.ibkr import words
from openbell.venues.ibkr.gateway import Gateway
from openbell.venues.ibkr.loop import PrivateLoop
from openbell.venues.ibkr.sdk import RequestError
from openbell.venues.ibkr.session import Session, Trouble

T = TypeVar("T")
#: Pause between two tries for a client id that the gateway has not let go of yet.
_AGAIN = 0.25


class _Here:
    """What belongs to the loop of this process: the session, if there is one, and who may make one."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Nothing is there yet; a session inherited from a process that forked is that one's."""
        self.sessions: list[Session] = []
        self.connecting = asyncio.Lock()

    async def hang_up(self) -> None:
        """Close what is there."""
        while self.sessions:
            await self.sessions.pop().close()


class Line:
    """Connects when first used, and again when the connection was lost; ``unavailable`` is what it raises."""

    def __init__(self, gateway: Gateway, client_id: int, unavailable: type[OpenbellError], orders: bool) -> None:
        self._gateway, self._client_id, self._orders = gateway, client_id, orders
        self._unavailable = unavailable
        self.account = ""
        self._here = _Here()
        self._loop = PrivateLoop(f"ibkr-{client_id}", self._here.begin, self._here.hang_up)

    def __repr__(self) -> str:
        return f"Line({words.where(self._gateway, self._client_id)})"

    def close(self) -> None:
        """Hang up; it also happens by itself when the object goes."""
        self._loop.end()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a connection is never pickled")

    def ask(self, question: Callable[[Session], Awaitable[T]], again: bool = True) -> T:
        """What the question answers on a connection that is complete; ``unavailable`` when there is none.

        A question that the connection breaks off is asked ``again``, once; nothing that is sent ever is.
        """
        try:
            return self._loop.run(self._asked(question, again))
        except Trouble as trouble:
            # What cannot be right from the start is wrong as it is written; later on it is the venue that has changed.
            kind = WrongAccount if trouble.lasting and not self.account else self._unavailable
            raise kind(f"{words.where(self._gateway, self._client_id)}: {trouble}") from None
        except RequestError as error:
            told = f"the gateway answered {error.code}: {words.shown(error.message)}"
            raise self._unavailable(f"{words.where(self._gateway, self._client_id)}: {told}") from None
        except (ConnectionError, TimeoutError) as error:
            lost = f"the connection was lost ({type(error).__name__})"
            raise self._unavailable(f"{words.where(self._gateway, self._client_id)}: {lost}") from None

    async def _asked(self, question: Callable[[Session], Awaitable[T]], again: bool) -> T:
        try:
            return await question(await self._ready())
        except (Trouble, ConnectionError):
            if not (again and self._here.sessions and self._here.sessions[0].lost):
                raise
        return await question(await self._ready())

    async def _ready(self) -> Session:
        """A session that is alive, in touch with the servers, and has read everything since."""
        async with self._here.connecting:
            if self._here.sessions and not self._here.sessions[0].dead:
                await self._tried(self._here.sessions[0])
            if not self._here.sessions or self._here.sessions[0].dead:
                await self._connect()
            session = self._here.sessions[0]
            if session.severed:
                raise Trouble(session.severed)
            if session.stale:
                await session.refresh()
            return session

    async def _tried(self, session: Session) -> None:
        """A line can be dead and look connected: after a silence it must answer before it is used."""
        if session.quiet < self._gateway.heartbeat:
            return
        try:
            await session.named("its clock", session.ib.reqCurrentTimeAsync)
        except Trouble:
            return  # it is marked dead now

    async def _connect(self) -> None:
        await self._here.hang_up()
        end = time.monotonic() + self._gateway.id_patience
        while True:
            session = Session(self._gateway, self._client_id, self._orders)
            try:
                await session.open()
            except (Trouble, RequestError, ConnectionError) as error:
                await session.close()
                if not (isinstance(error, Trouble) and error.soon) or time.monotonic() > end:
                    raise
                await asyncio.sleep(_AGAIN)
                continue
            self._here.sessions.append(session)
            self._same(session)
            return

    def _same(self, session: Session) -> None:
        """A gateway may come back with another login; nothing is ever sent there."""
        self.account = self.account or session.account
        if session.account != self.account:
            session.dead = f"the login is now of account ...{session.account[-4:]}, it was ...{self.account[-4:]}"
            raise Trouble(session.dead, lasting=True)
