"""`%wcode local`: the embedded model's server."""

from __future__ import annotations

from ... import files as disk
from ...errors import OptionError
from ...language import _
from ...request.messages import LOCAL
from ...request.parameters import did_you_mean
from ..line import check_no_more, parse_command
from .command import Context

__all__ = ["local"]


def local(context: Context, rest: str) -> None:
    """`start [FILE]`, `stop` or `status`."""
    word, *files = parse_command(rest, ()).words or ("status",)
    check_no_more(files[1:] if word == "start" else files)
    model = context.client.local
    if word == "start":
        path = disk.named(files[0]) if files else None
        model.start(path)
        context.client.session.local_model = f"{LOCAL}:{path.stem}" if path else LOCAL
    elif word == "stop":
        model.stop()
        context.client.session.local_model = LOCAL
    elif word != "status":
        hint = did_you_mean(word, ("start", "stop", "status"))
        raise OptionError(_("%wcode local {word}: expected start, stop or status").format(word=word), hint=hint)
    print(model.status())
