"""What else can be set: everything that decides a call and is no request parameter, one row each.

Like the parameter table, these rows drive magic options, `%wcode set`, `%config`, environment variables and help.
"""

from __future__ import annotations

from ..errors import ParameterError
from ..language import N_, _
from .forms import DEFAULT_PROTOCOL, FORMS
from .parameters import PARAMETERS, Option, did_you_mean

__all__ = ["ROWS", "SETTINGS", "Setting", "find_row"]


class Setting(Option, frozen=True, kw_only=True):
    """Something to set that is no request parameter. Environment variable: `WCODE_` and the name in capitals."""

    default: object = None

    @property
    def environment(self) -> str:
        """`WCODE_BASE_URL` for `base_url`."""
        return "WCODE_" + self.name.upper()


SETTINGS: tuple[Setting, ...] = (
    Setting(name="model", kind="text", help=N_("Model: an id, a unique short name, or local.")),
    Setting(
        name="exact_model", kind="bool", default=False,
        help=N_("Send the model id exactly as typed: no short names, no check for a similar known id."),
    ),
    Setting(name="system", kind="text", help=N_("System prompt.")),
    Setting(
        name="protocol", kind="choice", choices=tuple(FORMS), default=DEFAULT_PROTOCOL,
        help=N_("API format: OpenAI chat completions or Anthropic messages."),
    ),
    Setting(
        name="base_url", kind="text", default="https://wcode.net/api/gpt/v1",
        help=N_("Server for the OpenAI format; another server needs its own key."),
    ),
    Setting(
        name="anthropic_base_url", kind="text", default="https://wcode.net/api/anthropic",
        help=N_("Server for the Anthropic format."),
    ),
    Setting(
        name="anthropic_environment", kind="bool", default=False,
        help=N_("Anthropic format: read ANTHROPIC_BASE_URL, ANTHROPIC_AUTH_TOKEN or _API_KEY, and "
"ANTHROPIC_MODEL."),
    ),
    Setting(name="stream", kind="bool", default=True, help=N_("Stream the answer.")),
    Setting(
        name="format", kind="choice", choices=("markdown", "text", "json", "code", "html", "latex"), default="markdown",
        help=N_("Format of the displayed answer."),
    ),
    Setting(
        name="hide_reasoning", kind="bool", default=False,
        help=N_("Hide the model's reasoning; the reply keeps it."),
    ),
    Setting(
        name="connect_timeout", kind="float", low=0.1, default=10.0,
        help=N_("Connect timeout, in seconds."),
    ),
    Setting(
        name="idle_timeout", kind="float", low=0.1, default=300.0,
        help=N_("Read timeout: maximum time without data from the server, in seconds."),
    ),
    Setting(
        name="total_timeout", kind="float", low=0.1,
        help=N_("Total timeout for an answer, in seconds. Default: no limit."),
    ),
    Setting(
        name="max_cost", kind="float", low=0,
        help=N_("Budget of the session in RMB: no further call once it is spent."),
    ),
    Setting(
        name="concurrency", kind="int", low=1, default=16,
        help=N_("Batch runs: maximum requests in flight."),
    ),
    Setting(name="rpm", kind="float", low=0.01, help=N_("Batch runs: maximum requests per minute.")),
    Setting(name="tpm", kind="float", low=1, help=N_("Batch runs: maximum tokens per minute, input and output.")),
    Setting(
        name="confirm_above_cny", kind="float", low=0, default=5.0,
        help=N_("Batch runs: confirm a run that may cost more RMB than this."),
    ),
    Setting(name="max_steps", kind="int", low=1, default=8, help=N_("Tools: maximum requests per prompt.")),
    Setting(
        name="tools_confirm", kind="bool", default=True,
        help=N_("Tools: confirm functions that are not marked with @wcode_jupyter.tool."),
    ),
    Setting(
        name="tools_replay", kind="choice", choices=("recorded", "run"), default="recorded",
        help=N_("Tools in strict replay: use the recorded results, or run the functions again."),
    ),
    Setting(
        name="tools_policy", kind="text",
        help=N_("Tools: rules by function name, such as shell=never,weather=always,delete=ask. Default: by "
"the mark."),
    ),
    Setting(
        name="replay", kind="choice", choices=("off", "record", "replay", "auto"), default="off",
        help=N_("Record answers, replay only recorded ones, or send only missing requests."),
    ),
    Setting(
        name="keep", kind="bool", default=False,
        help=N_("Reuse the answer in the replay file while the question is unchanged; --anew sends it again."),
    ),
    Setting(name="replay_file", kind="text", help=N_("Replay file. Default: beside the notebook.")),
    Setting(name="force", kind="bool", default=False, help=N_("Send images even to a model without vision.")),
    Setting(name="keep_images", kind="bool", default=False, help=N_("Record whole images, not only their hashes.")),
    Setting(
        name="allow_secrets", kind="bool", default=False,
        help=N_("Also record text that looks like a credential."),
    ),
    Setting(name="log", kind="bool", default=True, help=N_("Log every call (%wcode history).")),
    Setting(
        name="log_content", kind="bool", default=True,
        help=N_("Log prompts and answers, not only figures."),
    ),
    Setting(name="log_days", kind="int", low=1, help=N_("Delete logged calls after N days. Default: never.")),
)  # fmt: skip

ROWS: dict[str, Option] = {row.name: row for row in (*SETTINGS, *PARAMETERS)}
"""Everything that can be set, by name: settings first, then the request parameters."""


def find_row(name: str) -> Option:
    """The row of a setting or parameter, with dashes or underscores. Raises ParameterError with a did-you-mean."""
    wanted = name.strip().lstrip("-").replace("-", "_")
    if wanted in ROWS:
        return ROWS[wanted]
    hint = did_you_mean(wanted, ROWS) or _("%wcode settings and %wcode params list what can be set.")
    raise ParameterError(_("Unknown setting {name}").format(name=name), name=name, hint=hint)
