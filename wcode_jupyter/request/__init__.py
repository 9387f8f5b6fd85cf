"""What may be said: parameters, settings, messages, and how a cell line spells them."""
