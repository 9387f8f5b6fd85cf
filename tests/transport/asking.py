"""One request through a Transport of its own, and what came of it."""

from __future__ import annotations

import asyncio
import pickle
import traceback
from dataclasses import dataclass, field

from wcode_jupyter.errors import WcodeError
from wcode_jupyter.keys import Keys
from wcode_jupyter.reply.events import Event, Notice, TextDelta
from wcode_jupyter.request.messages import Request, to_messages
from wcode_jupyter.transport import Deadlines, Transport, endpoint

KEY = "sk-Aq3mV0xTz81Lw7RbKc52"
REQUEST = Request(model="m", messages=to_messages("hi"))
QUICK = Deadlines(connect_s=2, write_s=2, idle_s=5)


@dataclass
class Asked:
    """What came of one request: events, the error that ended them, the waits between attempts."""

    events: list[Event] = field(default_factory=list)
    error: WcodeError | None = None
    waits: list[float] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))

    @property
    def notices(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Notice)]


def keys_for(base_url: str, *, key: bool = True) -> Keys:
    """Keys of which only `base_url` has one."""
    keys = Keys(keyring=False, environment=())
    if key:
        keys.set(endpoint(base_url).origin, KEY)
    return keys


def ask(base_url: str, *, key: bool = True, deadlines: Deadlines = QUICK, request: Request = REQUEST) -> Asked:
    """Sends `request` to `base_url`; no wait between attempts takes any time."""
    return asyncio.run(ask_times(1, base_url, key=key, deadlines=deadlines, request=request))[0]


async def ask_times(
    times: int, base_url: str, *, key: bool = True, deadlines: Deadlines = QUICK, request: Request = REQUEST
) -> list[Asked]:
    """The same, several times over one Transport, one after the other."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    transport = Transport(keys_for(base_url, key=key), sleep=sleep)
    results = []
    try:
        for _time in range(times):
            asked = Asked(waits=waits)
            results.append(asked)
            try:
                async for batch in transport.events(request, endpoint(base_url), deadlines):
                    asked.events += batch
            except WcodeError as error:
                asked.error = error
    finally:
        await transport.aclose()
    return results


def dressed(error: WcodeError) -> str:
    """Everything that could be shown of `error`: repr, text, pickle, and the traceback with all local variables."""
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    pickled = pickle.dumps(error)
    again = pickle.loads(pickled)
    return "\n".join(
        [repr(error), str(error), repr(vars(error)), repr(pickled), repr(vars(again)), *trace.format(chain=True)]
    )
