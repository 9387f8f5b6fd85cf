"""The models that are known: names, capabilities, limits and prices."""

from __future__ import annotations

from .catalogue import Capability, Catalogue, Model, Price, user_file

__all__ = ["Capability", "Catalogue", "Model", "Price", "user_file"]
