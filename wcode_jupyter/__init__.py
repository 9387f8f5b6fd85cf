"""The notebook as a laboratory for language models: `%%wcode` cells that stream, capture, price and replay."""

__version__ = "0.1.0"
