"""The models that are known: names, capabilities, limits and prices."""

from __future__ import annotations

from .catalogue import CAPABILITIES, Capability, Catalogue, Model, Price, user_file

__all__ = ["CAPABILITIES", "Capability", "Catalogue", "Model", "Price", "user_file"]
