"""The final output of an answer: one MIME bundle, a pure function of the Reply.

The same Reply gives the same bytes, live or replayed, so that a saved notebook and its replay compare equal. Whether it
was replayed is told in the metadata, where notebooks' comparisons do not look.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import msgspec

from ..characters import escape, visible
from ..errors import WcodeError
from ..language import _, speaking
from ..reply import Choice, Reply
from ..request.messages import ToolCall
from ..version import __version__
from .formats import RENDERERS, plain
from .markdown import quickly, render
from .status import mark, says_nothing, status_parts
from .style import ERROR, STYLE
from .tool_steps import steps_html

__all__ = ["bundle", "closed_reasoning", "final_bundle", "folding", "open_reasoning", "record", "with_error", "wrap"]

_OPEN = '<div class="wcode-answer mathjax_ignore tex2jax_ignore" dir="auto">'


def bundle(
    reply: Reply, format: str = "markdown", *, quiet: bool = False
) -> tuple[dict[str, object], dict[str, object]]:
    """(data, metadata) of the one final output: `text/html`, and the answer's own text, with every
    unseen character as a sign, as `text/plain`.

    `data` depends on nothing but the reply, the format and `quiet`: the words around the answer are in the language
    of its recording. Empty dicts when there is nothing to show: an answer that failed before anything arrived.
    """
    if says_nothing(reply):
        return {}, {}
    with speaking(reply.language):
        return {"text/html": _html(reply, format, quiet), "text/plain": _plain(reply)}, {"wcode": record(reply)}


def final_bundle(
    reply: Reply, format: str, *, quiet: bool, hurried: bool
) -> tuple[dict[str, object], dict[str, object]]:
    """`bundle`, at once where the user is in a hurry or interrupts it: long texts are then not formatted."""
    if not hurried:
        with contextlib.suppress(KeyboardInterrupt):
            return bundle(reply, format, quiet=quiet)
    with quickly():
        return bundle(reply, format, quiet=quiet)


def with_error(data: Mapping[str, str], error: WcodeError) -> dict[str, str]:
    """`data`, may be empty, and below it one line that says what `error` says where a cell fails."""
    line = f"{type(error).__name__}: {error}"
    html = wrap(f'<div style="{ERROR}">{escape(line)}</div>', style=not data)
    return {
        "text/html": data.get("text/html", "") + html,
        "text/plain": "\n\n".join(filter(None, [data.get("text/plain"), visible(line)])),
    }


def wrap(inner: str, *, style: bool = True, wide: bool = False) -> str:
    """`inner` in the element that carries the look and keeps MathJax away from all but formulas.

    `wide`: over the whole width, not only as far as lines of text are good to read.
    """
    opening = _OPEN.replace(">", ' style="max-width:none">') if wide else _OPEN
    return f"{STYLE if style else ''}{opening}{inner}</div>"


def folding(reasoning: str, lines: int) -> str:
    """`closed_reasoning`, that begins as high as `lines` lines of it and shrinks: what is below does not jump."""
    return f'<div class="wcode-folding" style="--wcode-lines:{lines}">{reasoning}</div>'


def open_reasoning(inner: str) -> str:
    """Reasoning, already rendered, in an open box."""
    return _details(_("Reasoning"), inner, " open")


def closed_reasoning(reasoning: str, seconds: float | None = None) -> str:
    """Reasoning in a closed box with the time it took; empty without reasoning."""
    took = "" if seconds is None else f" · {seconds:.1f} s"
    return _details(_("Reasoning") + took, render(reasoning)) if reasoning else ""


def _details(summary: str, inner: str, state: str = "") -> str:
    return f'<details{state} class="wcode-reasoning"><summary>{escape(summary)}</summary>{inner}</details>\n'


def _html(reply: Reply, format: str, quiet: bool) -> str:
    choices = "".join(_choice(reply, index, format) for index in range(len(reply.choices)))
    words = mark(reply)
    ending = f'<div class="wcode-mark">{escape(words)}</div>\n' if words else ""
    return wrap(steps_html(reply.transcript) + choices + ending + ("" if quiet else _status(reply)))


def _choice(reply: Reply, index: int, format: str) -> str:
    choice = reply.choices[index]
    label = _("Answer {n} of {total}").format(n=index + 1, total=len(reply.choices))
    head = f'<div class="wcode-mark">{escape(label)}</div>\n' if len(reply.choices) > 1 else ""
    reasoning = "".join(part.text for part in choice.reasoning).strip()
    text = RENDERERS[format](choice.text) if choice.text.strip() else ""
    refusal = plain(choice.refusal) if choice.refusal else ""
    return head + closed_reasoning(reasoning, _thinking_s(reply)) + text + refusal + _calls(choice)


def _thinking_s(reply: Reply) -> float | None:
    first, text = reply.timing.first_token_s, reply.timing.first_text_s
    return None if first is None or text is None or len(reply.choices) > 1 else text - first


def _calls(choice: Choice) -> str:
    return "".join(f"<pre><code>{escape(_call(call), quote=False)}</code></pre>\n" for call in choice.tool_calls)


def _call(call: ToolCall) -> str:
    return f"{call.name}({call.arguments})"


def _status(reply: Reply) -> str:
    notices = "".join(f"<div>{escape(notice)}</div>" for notice in reply.notices)
    parts = " · ".join(_explained(text, meaning) for text, meaning in status_parts(reply))
    return f'<div class="wcode-status">{parts}{notices}</div>'


def _explained(text: str, meaning: str) -> str:
    return f'<span title="{escape(meaning)}">{escape(text)}</span>' if meaning else escape(text)


def _plain(reply: Reply) -> str:
    texts = [
        choice.text or choice.refusal or "\n".join(_call(call) for call in choice.tool_calls)
        for choice in reply.choices
    ]
    return visible("\n\n".join(text for text in texts if text) or mark(reply))


def record(reply: Reply) -> dict[str, object]:
    """The machine record for the output's metadata: plain JSON values, no key, no path of this machine."""
    request = reply.request
    asked = {
        "asked": request.model,
        "parameters": request.parameters,
        "extra_body": request.extra_body,
        "protocol": request.protocol,
        "endpoint": request.endpoint,
    } if request else {}  # fmt: skip
    values = {
        "client": f"wcode_jupyter {__version__}",
        "model": reply.model,
        **asked,
        "fingerprint": reply.fingerprint,
        "id": reply.id,
        "system_fingerprint": reply.system_fingerprint,
        "asked_at": reply.asked_at,
        "usage": reply.usage,
        "cost_cny": None if reply.cost is None else f"{reply.cost:f}",
        "timing": reply.timing,
        "ended": reply.ended,
        "finish_reason": reply.finish_reason,
        "error": reply.fault,
        "notices": reply.notices,
        "replayed": reply.replayed,
    }
    result: dict[str, object] = msgspec.to_builtins(
        {name: value for name, value in values.items() if value not in (None, "", {}, ())}
    )
    return result
