"""How does it run: one event loop in one daemon thread reads the network; whoever asked consumes.

    source (the transport's events)  --event loop's thread-->  mailbox  --consumer-->  ReplyBuilder  -->  Reply

    loop       the thread and its event loop
    run        one source being read, its mailbox, and errors made fit to cross threads
    stream     the consumer's side: iterate, wait, interrupt, and how the answer ended
    fold       an answer that nobody watches, folded where it is read
    recorded   a recorded answer as events and error again

The consumer folds the events, so a stalled server never delays it, and a slow consumer never delays the network. It may
be the kernel's main thread (`get`, `for`) or a task of any event loop (`async for`). An interrupt cancels the task on
the event loop's thread, which closes the connection at once; what had arrived is kept.
"""

from __future__ import annotations

from .fold import fold
from .loop import EventLoop
from .stream import Stream

__all__ = ["EventLoop", "Stream", "fold"]
