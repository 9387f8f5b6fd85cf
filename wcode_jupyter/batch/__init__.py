"""Many at once: one prompt over rows, models and parameter values, repeated; bounded, resumable, within a budget.

rows         what the rows are, one by one
factors      in how many ways it is asked: prompts, examples, orders of options
plan         what is asked: jobs, made one by one
limiter      how fast: concurrency, rpm, tpm, and slowing down together
budget       how much it may cost
refusals     when to give up
job_state    one job on its way to an answer, until it fits its schema
sender       how one question is asked
cluster      how it is asked by the workers of a Dask cluster
run          the run itself, on the engine's loop
counts       where it stands
runfile      every answer on disk at once
run_log      the answers on their way into the user's log, many at a time
replies      the result: list, DataFrame, file
statistics   how the answers behave: agreement, entropy, speed, cost, scores with intervals
fields       fields of the answers as labels
label_items  rows to be labelled by people
evidence     answers by row and condition, for findings
accounts     what a finding says in the account of the study
probabilities probability of each label
foreign_logs answers in the files of Inspect and Potato
exploring    answers by row and condition, to look around in
differences  two answers compared
plot         the result in pictures
progress     a bar while it runs
"""

from __future__ import annotations

from .budget import Budget
from .counts import RunProgress
from .estimate import RunEstimate, estimate
from .factors import FewShot, Orders
from .limiter import AdaptiveLimiter, RunLimits
from .plan import Job, Plan
from .replies import Replies, answers_table
from .rows import Rows
from .run import BatchRun
from .runfile import RunFile, RunLine
from .sender import RequestSender

__all__ = [
    "AdaptiveLimiter",
    "BatchRun",
    "Budget",
    "FewShot",
    "Job",
    "Orders",
    "Plan",
    "Replies",
    "RequestSender",
    "Rows",
    "RunEstimate",
    "RunFile",
    "RunLimits",
    "RunLine",
    "RunProgress",
    "answers_table",
    "estimate",
]
