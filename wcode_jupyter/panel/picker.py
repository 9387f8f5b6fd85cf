"""Choosing a model: search, filter by what it can do, any id allowed; what the catalogue knows stands beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import ipywidgets as widgets

from ..catalogue import Capability, Model, Price
from ..characters import escape
from ..errors import WcodeError
from ..language import N_, _
from ..request.messages import LOCAL
from ..request.parameters import PARAMETERS
from ..session import Session
from .widgets import named, quiet, row, show_if, update

__all__ = ["CAPABILITIES", "ModelPicker"]

CAPABILITIES: dict[Capability, str] = {
    "text": N_("Text"),
    "code": N_("Code"),
    "reasoning": N_("Reasoning"),
    "vision": N_("Vision"),
}
_MOST = 200
"""Models that the list shows at once: with more, a word finds them."""
assert set(CAPABILITIES) == set(get_args(Capability))


class ModelPicker:
    """The model of the panel. `value` is what was typed or picked; empty: the session's own."""

    def __init__(self, session: Session, changed: Callable[[], None]) -> None:
        self._session = session
        self._changed = changed
        self._filling = False
        self.field = widgets.Text(description=_("Model"), layout={"width": "auto"}).add_class("wcode-above")
        self.list = named(widgets.Select(description=_("Models"), rows=5, layout={"width": "auto"}))
        self.filters = {
            name: widgets.ToggleButton(description=_(label), tooltip=_("Only models with this capability"))
            for name, label in CAPABILITIES.items()
        }
        self._count = widgets.HTML()
        self._facts = widgets.HTML().add_class("wcode-facts")
        filters = row(list(self.filters.values()))
        pick = widgets.VBox([self.field, filters, self.list, self._count]).add_class("wcode-pick")
        self.widget = widgets.HBox([pick, self._facts]).add_class("wcode-models")
        self.field.observe(self._typed, "value")
        self.list.observe(self._picked, "value")
        for button in self.filters.values():
            button.observe(self._fill, "value")
        self.refresh()

    @property
    def value(self) -> str:
        """An id, a short name or a search word."""
        return str(self.field.value).strip()

    @value.setter
    def value(self, model: str) -> None:
        self._filling = True
        self.field.value = model
        self._filling = False
        self.refresh()

    def model(self) -> Model:
        """The catalogue's row of the model in force; an empty row where it knows none."""
        try:
            return self._resolved()
        except WcodeError:
            return Model(id=self.value)

    def _resolved(self) -> Model:
        session = self._session.values().get("model")
        catalogue = self._session.catalogue
        return catalogue.model(catalogue.resolve(self.value or (session.value if session else "")))

    @property
    def found(self) -> list[str]:
        """Ids of the list."""
        return [model for _label, model in self.list.options]

    @property
    def facts(self) -> str:
        """What is said of the model, as HTML."""
        return str(self._facts.value)

    def refresh(self) -> None:
        """Shows what the session says now."""
        session = self._session.values().get("model")
        self.field.placeholder = (
            _("{model} (from {source})").format(model=session.value, source=session.source)
            if session
            else _("an id, or a word to search for")
        )
        self._fill()
        try:
            update(self._facts, _facts(self._resolved()))
        except WcodeError as error:
            # A word that fits several models: it cannot be asked, only searched for.
            update(self._facts, quiet(str(error)))

    def _fill(self, _change: object = None) -> None:
        """The list: what fits the words and the filters."""
        catalogue = self._session.catalogue
        wanted = {name for name, button in self.filters.items() if button.value}
        # What means a model is a choice, not a search: the others stay in the list to be chosen instead.
        chosen = self.model().id
        words = "" if chosen in catalogue or chosen == LOCAL else self.value
        found = [model for model in catalogue.search(words) if wanted <= set(model.capabilities)]
        options = [(_label(model), model.id) for model in found[:_MOST]]
        total = len(catalogue)
        if not wanted and (not words or words.lower() in LOCAL):
            options.append((_("{model}  —  the embedded demo model").format(model=LOCAL), LOCAL))
        self._filling = True
        if tuple(options) != self.list.options:
            self.list.options = options
        self.list.value = chosen if chosen in [model for _label, model in options] else None
        self._filling = False
        show_if(self.list, options)
        counted = (
            _("{n} of {total} models").format(n=f"{len(found):,}", total=f"{total:,}") if len(found) < total else ""
        )
        update(self._count, quiet(counted if options else _("No model in the catalogue matches.")))

    def _typed(self, _change: object) -> None:
        if not self._filling:
            self.refresh()
            self._changed()

    def _picked(self, change: Any) -> None:
        if not self._filling and change["new"]:
            self.field.value = change["new"]


def _label(model: Model) -> str:
    """What the list shows of `model`: name, id, context and price."""
    context = f"{model.context // 1000:,}k" if model.context else ""
    price = f"¥{_price(tier)}" if (tier := model.price(0)) else ""
    return "  ·  ".join(filter(None, (f"{model.name or model.id}  —  {model.id}", context, price)))


def _facts(model: Model) -> str:
    if not model.id:
        return f'<div class="wcode-quiet">{escape(_("No model selected yet."))}</div>'
    if model.id == LOCAL:
        words = _(
            "The embedded demo model runs on this machine, is free and needs no key. Its answers are often wrong."
        )
        return f'<div class="wcode-name">{LOCAL}</div><div class="wcode-quiet">{escape(words)}</div>'
    if not model.series and not model.prices:
        words = _("Not in the catalogue. It can be used; its context and price are unknown.")
        return f'<div class="wcode-name">{escape(model.id)}</div><div class="wcode-quiet">{escape(words)}</div>'
    listed = (
        _("not listed: {names}").format(names=", ".join(model.unlisted))
        if model.unlisted
        else _("all {count} listed").format(count=len(PARAMETERS))
    )
    rows = {
        _("capabilities"): _(", ").join(_(CAPABILITIES[name]) for name in model.capabilities),
        _("context"): _("{n} tokens").format(n=f"{model.context:,}") if model.context else _("not stated"),
        _("¥ / 1000 tokens"): "\n".join(map(_price, model.prices)) or _("unknown"),
        _("Anthropic form"): {True: _("yes"), False: _("no"), None: _("not stated")}[model.anthropic],
        _("parameters"): listed,
    }
    cells = "".join(
        f"<tr><td>{escape(name)}</td><td>{'<br>'.join(map(escape, text.splitlines()))}</td></tr>"
        for name, text in rows.items()
    )
    return f'<div class="wcode-name">{escape(model.id)}</div><table>{cells}</table>'


def _price(price: Price) -> str:
    limit = _("up to {n} input tokens").format(n=f"{price.up_to_input:,}") if price.up_to_input else ""
    return f"{price.input} → {price.output}" + (f" ({limit})" if limit else "")
