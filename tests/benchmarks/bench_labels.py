"""Labelling as a person feels it, and findings of a large run.

    python -m tests.benchmarks.bench_labels              200 labels by key in a real browser: key to next row
    python -m tests.benchmarks.bench_labels findings     20,000 answers: CPU of each finding

Figures to reach: at most 100 ms (median) from key to next row, and under 1 s of CPU for each finding.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from wcode_jupyter.batch import Job, Replies, RunLine
from wcode_jupyter.labels.labels import Labels
from wcode_jupyter.labels.mark import Draw, Mark
from wcode_jupyter.reply import Choice, Reply
from wcode_jupyter.request.messages import Message, Request

__all__ = ["cpu_of_findings", "results"]

_CLASSES = ("negative", "neutral", "positive")
_SCHEMA = {"json_schema": {"schema": {"properties": {"label": {"enum": list(_CLASSES)}}}}}


def results(answers: int = 20_000, samples: int = 2) -> Replies:
    """`answers` structured answers of two models with `samples` each; 80 % are the row's true label."""
    chance = random.Random(7)
    rows = answers // (2 * samples)
    asked = {
        model: Request(model=model, messages=(Message("user", "q"),), parameters={"response_format": _SCHEMA})
        for model in ("a", "b")
    }
    lines = []
    for row in range(rows):
        true = _CLASSES[row % 3]
        for model, request in asked.items():
            for sample in range(samples):
                label = true if chance.random() < 0.8 else chance.choice(_CLASSES)
                job = Job(
                    id=f"{row}.{model}.{sample}", number=len(lines), row=row, key=row, model=model, sample=sample,
                    columns={"text": f"Review {row}", "gold": true},
                )  # fmt: skip
                text = json.dumps({"label": label, "score": round(_CLASSES.index(label) + chance.random(), 4)})
                lines.append(RunLine(job, Reply(choices=(Choice(text=text),), request=request)))
    return Replies.of(lines, "f" * 64)


def cpu_of_findings(replies: Replies) -> dict[str, float]:
    """Seconds of CPU for each finding, the answers being read and parsed."""
    one = replies[:]
    single = Replies.of([line for line in replies.lines() if line.job.model == "a"], "f" * 64)
    rows = len({line.job.row for line in replies.lines()})
    draw = Draw("random", 200, rows)
    labels = Labels(
        [Mark(field="label", row=row, coder="A", value=_CLASSES[row % 3], draw=draw) for row in range(200)], "label"
    )
    computed: dict[str, Callable[[], object]] = {
        "agreement": lambda: one.agreement("label", "sample"),
        "validate": lambda: one.validate("gold", "label"),
        "validate by labels": lambda: one.validate(labels, "label"),
        "compare": lambda: one.compare("model", "label", "gold"),
        "estimate": lambda: single.estimate("label", "positive", labels=labels),
        "calibration": lambda: one.calibration("gold", "label"),
        "disagreements": lambda: one.disagreements("label"),
        "uncertain": lambda: one.uncertain(50, "label"),
        "variance": lambda: one.variance("label"),
        "variance of numbers": lambda: one.variance("score"),
        "compare numbers": lambda: one.compare("model", "score"),
        "agreement of numbers": lambda: one.agreement("score", "sample", "interval"),
    }
    found = {}
    for name, compute in computed.items():
        began = time.process_time()
        compute()
        found[name] = time.process_time() - began
    return found


def _findings() -> None:
    replies = results()
    list(replies.lines())
    for name, seconds in cpu_of_findings(replies).items():
        print(f"{name:20} {seconds:6.2f} s of CPU")


def _labelling(count: int = 200) -> None:
    from tests.lab import Lab
    from tests.panel.label_page import LabelPage

    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder)) as lab:
        work = LabelPage(lab, count)
        times = [work.press(str(place % 3 + 1)) for place in range(count)]
        kept = len(work.marks())
    most = statistics.quantiles(times, n=20)[-1]
    print(f"{count} keys: median {statistics.median(times):.0f} ms, 95 % below {most:.0f} ms; {kept} labels kept")


if __name__ == "__main__":
    _findings() if sys.argv[1:] == ["findings"] else _labelling()
