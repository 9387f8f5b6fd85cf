"""The answers of a run in the files of other tools: the log of Inspect (JSON) and the annotations of Potato (JSONL).

Inspect: one sample for each answer, its `epoch` is the sample of the row; model and swept values are in its metadata,
and scores are those of the run's score function. Potato: one line for each whole answer; `user_id` is the model with
its swept values and sample, as if it were an annotator.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ..reply import Reply
from ..version import __version__
from .fields import fields
from .plan import Job
from .runfile import Header, RunLine
from .statistics import Scored

__all__ = ["FOREIGN", "inspect_log", "potato_lines"]

_Json = dict[str, object]
_STOPS = {"length": "max_tokens", "tool_calls": "tool_calls", "content_filter": "content_filter", "stop": "stop"}
_UNKNOWN_TIME = "1970-01-01T00:00:00+00:00"


def inspect_log(lines: Sequence[RunLine], scores: Sequence[Scored], header: Header) -> str:
    """A log as `inspect_ai.log.read_eval_log` reads it."""
    models = list(dict.fromkeys(line.job.model for line in lines))
    conditions = list(dict.fromkeys(_condition(line.job) for line in lines))
    times = [line.reply.asked_at for line in lines if line.reply.asked_at is not None]
    samples = [_sample(line, scored, several=len(conditions) > 1) for line, scored in zip(lines, scores, strict=True)]
    rows = list(dict.fromkeys(str(sample["id"]) for sample in samples))
    log = {
        "version": 2,
        "status": "success",
        "eval": {
            "eval_id": header.fingerprint[:22] or "wcode",
            "run_id": header.fingerprint[:22] or "wcode",
            "task_id": header.fingerprint[:22] or "wcode",
            "created": _time(min(times, default=None)),
            "task": "wcode",
            "dataset": {"name": "rows", "samples": len(rows), "sample_ids": rows, "shuffled": False},
            "model": models[0] if len(models) == 1 else "multiple",
            "config": {"epochs": max((line.job.sample for line in lines), default=0) + 1},
            "packages": {"wcode_jupyter": __version__},
            "metadata": {"prompt": header.prompt, "models": models},
        },
        "plan": {},
        "results": {
            "total_samples": len(lines),
            "completed_samples": sum(line.good for line in lines),
            "scores": [],
        },
        "stats": {
            "started_at": _time(min(times, default=None)),
            "completed_at": _time(max(times, default=None)),
            "model_usage": {
                model: _usage([line.reply for line in lines if line.job.model == model]) for model in models
            },
        },
        "samples": samples,
    }
    return json.dumps(log, ensure_ascii=False, indent=1)


def _condition(job: Job) -> str:
    return " ".join([job.model, *(f"{name}={value}" for name, value in job.values.items())])


def _time(found: datetime.datetime | None) -> str:
    """ISO 8601; what is not known is the epoch, for the log has no place for nothing."""
    return _UNKNOWN_TIME if found is None else found.isoformat()


def _sample(line: RunLine, scored: Scored, *, several: bool) -> _Json:
    job, reply = line.job, line.reply
    asked = () if reply.request is None else reply.request.messages
    said: _Json = {"role": "assistant", "content": reply.text, "source": "generate", "model": reply.model or job.model}
    sample: _Json = {
        "id": f"{job.key} {_condition(job)}" if several else str(job.key),
        "epoch": job.sample + 1,
        "input": [{"role": _role(message.role), "content": _plain(message.content)} for message in asked],
        "target": "",
        "messages": [
            *({"role": _role(message.role), "content": _plain(message.content)} for message in asked),
            said,
        ],
        "output": {
            "model": reply.model or job.model,
            "choices": [{"message": said, "stop_reason": _STOPS.get(reply.finish_reason or "", "unknown")}],
            "usage": _usage([reply]),
            "time": reply.timing.total_s,
        },
        "scores": {name: {"value": value, "answer": reply.text} for name, value in scored.values.items()},
        "metadata": {**job.columns, "model": job.model, **job.values, "ended": reply.ended},
        "model_usage": {job.model: _usage([reply])},
    }
    if not line.good:
        message = reply.error or reply.ended
        sample["error"] = {"message": message, "traceback": message, "traceback_ansi": message}
    return sample


def _role(role: str) -> str:
    return "system" if role == "developer" else role


def _plain(content: object) -> str:
    return content if isinstance(content, str) else "" if content is None else str(content)


def _usage(replies: Iterable[Reply]) -> _Json:
    found = [reply.usage for reply in replies if reply.usage is not None]
    tokens_in = sum(usage.input_tokens or 0 for usage in found)
    tokens_out = sum(usage.output_tokens or 0 for usage in found)
    return {"input_tokens": tokens_in, "output_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}


def potato_lines(lines: Sequence[RunLine], scores: Sequence[Scored], header: Header) -> str:
    """Lines as Potato writes its `annotated_instances.jsonl`; `Labels.read` takes them, too."""
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in _annotations(lines))


def _annotations(lines: Iterable[RunLine]) -> Iterator[_Json]:
    for line in lines:
        if not line.good:
            continue
        job = line.job
        yield {
            "user_id": job.label,
            "instance_id": job.key,
            "displayed_text": " ".join(str(value) for value in job.columns.values()),
            "label_annotations": {
                name: _options(value) for name, value in fields(line.reply).items() if value is not None
            },
            "span_annotations": {},
        }


def _options(value: object) -> Mapping[str, object]:
    """A label is an option that is chosen; a number is what was entered."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {"number": value}
    return {value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False): "true"}


Writer = Callable[[Sequence[RunLine], Sequence[Scored], Header], str]
FOREIGN: dict[str, Writer] = {".eval.json": inspect_log, ".potato.jsonl": potato_lines}
"""By the end of the file's name."""
