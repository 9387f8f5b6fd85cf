"""`%wcode models` and `%wcode params`."""

from __future__ import annotations

from ...catalogue import CAPABILITIES, Catalogue, Model, Price
from ...errors import InputError
from ...export import TARGETS
from ...language import _
from ...reply.events import Usage
from ...request.parameters import GROUPS, PARAMETERS, Parameter
from ...table import Table
from ..line import check_no_more, parse_command
from .command import Context

__all__ = ["card", "models", "params", "price_text"]


def models(context: Context, rest: str) -> Table:
    """The card of the model that `rest` names; else the models that fit every word of `rest`.

    Words are looked for in id, name, series and capabilities, in English or Chinese.
    """
    words = " ".join(parse_command(rest, ()).words)
    if (model := _named(context.client.session.catalogue, words)) is not None:
        return card(model)
    found = context.client.session.catalogue.search(words)
    notes = [] if found else [_("No model here matches {words}.").format(words=words)]
    return Table(
        columns=(
            _("model"),
            _("name"),
            _("capabilities"),
            _("context"),
            _("max output"),
            _("¥ / 1000 tokens: input → output"),
            _("Anthropic form"),
        ),
        rows=tuple(_model_row(model) for model in found),
        note=" ".join(
            [*notes, _("Other ids can be used too; their price is unknown. local is the embedded demo model.")]
        ),
    )


def _model_row(model: Model) -> tuple[str, ...]:
    anthropic = {True: _("yes"), False: _("no"), None: _("not stated")}[model.anthropic]
    context = f"{model.context:,}" if model.context else _("not stated")
    prices = "; ".join(price_text(price) for price in model.prices) or _("unknown")
    dated = f" ({model.priced_on})" if model.priced_on else ""
    output = f"{model.max_output:,}" if model.max_output else _("not stated")
    return model.id, model.name, can_text(model), context, output, prices + dated, anthropic


def can_text(model: Model) -> str:
    """What `model` can do, as a list of words."""
    return _(", ").join(_(CAPABILITIES[name]) for name in model.capabilities) or _("not stated")


def _named(catalogue: Catalogue, words: str) -> Model | None:
    """The one model that `words` names; None where they are words to search for."""
    try:
        return catalogue.get(catalogue.resolve(words))
    except InputError:  # several
        return None


_EXAMPLE = Usage(1000, 1000)


def card(model: Model) -> Table:
    """All that is known of `model`, a row each; what its page does not say is said to be unknown."""
    unknown = _("not stated")
    cost = model.cost(_EXAMPLE)
    unlisted = set(model.unlisted)
    listed = [parameter.name for parameter in PARAMETERS if parameter.name not in unlisted]
    anthropic = {True: _("yes"), False: _("no"), None: unknown}[model.anthropic]
    tools = ", ".join(TARGETS[name].title for name in model.tools if name in TARGETS)
    rows = (
        (_("model"), model.id),
        (_("name"), model.name or unknown),
        (_("series"), model.series or unknown),
        (_("capabilities"), can_text(model)),
        (_("context"), f"{model.context:,}" if model.context else unknown),
        (_("max output"), f"{model.max_output:,}" if model.max_output else unknown),
        (_("¥ / 1000 tokens: input → output"), "; ".join(price_text(price) for price in model.prices) or _("unknown")),
        (_("example: 1000 tokens in, 1000 out"), _("unknown") if cost is None else f"¥{cost:f}"),
        (_("parameters listed"), f"{len(listed)}: " + ", ".join(listed)),
        (_("not listed"), ", ".join(model.unlisted) or "–"),
        (_("OpenAI form"), _("yes")),
        (_("Anthropic form"), anthropic),
        (_("key from"), model.key_page or unknown),
        (_("list of models"), model.model_list or unknown),
        (_("tools on its page"), tools or unknown),
    )
    note = _("Set up a tool: %wcode export TOOL --model {model}. Ask: %%wcode {model}").format(model=model.id)
    return Table(columns=(_("fact"), _("value")), rows=rows, note=note)


def price_text(price: Price) -> str:
    """One tier: `0.0021 → 0.0129 (≤ 256,000)`."""
    limit = f" (≤ {price.up_to_input:,})" if price.up_to_input else ""
    return f"{price.input} → {price.output}{limit}"


def params(context: Context, rest: str) -> Table:
    """The table of parameters; with a model, what its page does not list is marked."""
    word, *more = parse_command(rest, ()).words or ("",)
    check_no_more(more)
    session = context.client.session
    model = session.catalogue.model(session.catalogue.resolve(word))
    return Table(
        columns=(_("parameter"), _("meaning"), _("range"), _("page default"), _("Anthropic form"), _("group")),
        rows=tuple(_parameter_row(parameter, model) for parameter in PARAMETERS),
        note=_("Nothing is sent unless you set it; page defaults are only hints."),
    )


def _parameter_row(parameter: Parameter, model: Model) -> tuple[str, ...]:
    unlisted = " " + _("(not on this model's page)") if parameter.name in model.unlisted else ""
    return (
        parameter.name,
        _(parameter.help) + unlisted,
        parameter.range,
        parameter.page_default or "–",
        parameter.anthropic or "–",
        _(GROUPS[parameter.group]),
    )
