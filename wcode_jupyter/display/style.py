"""The look of an answer: one small stylesheet, scoped to `.wcode-…` classes, that follows the theme.

It is saved in each output, so every rule earns its place. Colours are JupyterLab's variables (light and dark, Notebook
7, nbconvert), then VS Code's, then one that reads on both white and black. Model text cannot write here: raw HTML is
inert and no class of its own reaches the page.
"""

from __future__ import annotations

import re

__all__ = ["STYLE", "WAITING"]

_QUIET = "var(--jp-ui-font-color2,var(--vscode-descriptionForeground,#767676))"
_BORDER = "var(--jp-border-color2,var(--vscode-panel-border,#8885))"
_BOX = "var(--jp-cell-editor-background,var(--vscode-textCodeBlock-background,#8881))"
_MONO = "var(--jp-code-font-family,var(--vscode-editor-font-family,monospace)),monospace"


def _code(name: str, fallback: str) -> str:
    return f"color:var(--jp-mirror-editor-{name}-color,{fallback})"


_SHEET = f"""
.wcode-answer{{max-width:60em;line-height:1.55;overflow-wrap:anywhere}}
.wcode-answer>:first-child{{margin-top:0}}
.wcode-answer pre.wcode-code,.wcode-answer pre{{margin:.6em 0;padding:.6em .8em;overflow-x:auto;white-space:pre;
 background:{_BOX};border:1px solid {_BORDER};border-radius:4px;line-height:1.4;font-family:{_MONO};
 direction:ltr;text-align:left;overflow-wrap:normal}}
.wcode-answer pre.wcode-text{{white-space:pre-wrap;overflow-wrap:anywhere;background:none;border:0;padding:0;
 font-family:inherit;direction:inherit;text-align:start}}
.wcode-answer pre code{{font:inherit;background:none;padding:0;color:inherit;white-space:inherit}}
.wcode-answer code{{font-family:{_MONO}}}
.wcode-answer table{{margin:.6em 0;border-collapse:collapse;display:block;max-width:100%;overflow-x:auto;border:0}}
.wcode-answer table th,.wcode-answer table td{{padding:.3em .8em;border:0;border-bottom:1px solid {_BORDER};
 text-align:start;max-width:none;white-space:normal;vertical-align:top}}
.wcode-answer table tr{{background:none!important}}
.wcode-answer table th{{font-weight:600}}
.wcode-answer .k{{{_code("keyword", "#2a8a4a")};font-weight:600}}
.wcode-answer .s{{{_code("string", "#c0504d")}}}
.wcode-answer .c{{{_code("comment", "#6a8a8a")};font-style:italic}}
.wcode-answer .m{{{_code("number", "#3a9a5a")}}}
.wcode-answer .f{{{_code("def", "#4a7bd0")}}}
.wcode-answer .b{{{_code("builtin", "#2a8a4a")}}}
.wcode-answer .d{{color:var(--jp-error-color1,#d04a4a)}}
.wcode-answer .i{{color:var(--jp-success-color1,#3a9a5a)}}
.wcode-reasoning{{margin:0 0 .8em;padding-inline-start:.9em;border-inline-start:3px solid {_BORDER};color:{_QUIET};
 font-size:.92em}}
.wcode-reasoning summary{{cursor:pointer}}
.wcode-mark,.wcode-status{{color:{_QUIET};font-size:.85em;margin-top:.8em}}
.wcode-status{{border-top:1px solid {_BORDER};padding-top:.35em;font-variant-numeric:tabular-nums}}
.wcode-answer iframe{{width:100%;height:30em;border:1px solid {_BORDER};border-radius:4px;background:#fff}}
"""

STYLE = "<style>" + re.sub(r"\n ?", "", _SHEET) + "</style>"
"""The stylesheet as one `<style>` element."""

WAITING = f"color:{_QUIET};font-size:.85em"
"""Inline style of the waiting line, which is shown before any stylesheet is there."""
