"""`%wcode models` and `%wcode params`."""

from __future__ import annotations

from ...catalogue import CAPABILITIES, Model, Price
from ...language import _
from ...request.parameters import GROUPS, PARAMETERS, Parameter
from ...table import Table
from ..line import check_no_more, parse_command
from .command import Context

__all__ = ["models", "params", "price_text"]


def models(context: Context, rest: str) -> Table:
    """Models whose id, name, series or capabilities (English or Chinese) contain every word of `rest`."""
    words = " ".join(parse_command(rest, ()).words)
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
        columns=(_("parameter"), _("group"), _("range"), _("page default"), _("Anthropic form"), _("meaning")),
        rows=tuple(_parameter_row(parameter, model) for parameter in PARAMETERS),
        note=_("Nothing is sent unless you set it; page defaults are only hints."),
    )


def _parameter_row(parameter: Parameter, model: Model) -> tuple[str, ...]:
    unlisted = " " + _("(not on this model's page)") if parameter.name in model.unlisted else ""
    return (
        parameter.name,
        _(GROUPS[parameter.group]),
        parameter.range,
        parameter.page_default or "–",
        parameter.anthropic or "–",
        _(parameter.help) + unlisted,
    )
