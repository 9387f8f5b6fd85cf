"""The look of an answer: one small stylesheet, scoped to `.wcode-…` classes, that follows the theme.

It is saved in each output, so every rule earns its place. Colours are JupyterLab's variables (light and dark, Notebook
7, nbconvert), then VS Code's, then one that reads on both white and black. Model text cannot write here: raw HTML is
inert and no class of its own reaches the page. `:not(#w)` only adds weight, where JupyterLab's own rules are heavier.
"""

from __future__ import annotations

import re

__all__ = ["STYLE", "WAITING"]

_QUIET = "var(--jp-ui-font-color2,var(--vscode-descriptionForeground,#767676))"


def _code(name: str, fallback: str) -> str:
    return f"color:var(--jp-mirror-editor-{name}-color,{fallback})"


_SHEET = f"""
.wcode-answer{{max-width:60em;line-height:1.55;overflow-wrap:anywhere;overflow-x:auto;--wcode-quiet:{_QUIET};
 --wcode-line:var(--jp-border-color2,var(--vscode-panel-border,#8885));
 --wcode-mono:var(--jp-code-font-family,var(--vscode-editor-font-family,monospace)),monospace}}
.wcode-answer>:first-child{{margin-top:0}}
.wcode-answer p{{text-align:start}}
.wcode-answer h1,.wcode-answer h2,.wcode-answer h3{{margin:1.1em 0 .5em;font-size:1.15em;font-weight:600}}
.wcode-answer h1{{font-size:1.5em}}
.wcode-answer h2{{font-size:1.3em}}
.wcode-answer:not(#w) pre{{margin:.6em 0;padding:.6em .8em;overflow-x:auto;white-space:pre;overflow-wrap:normal;
 word-break:normal;background:var(--jp-cell-editor-background,var(--vscode-textCodeBlock-background,#8881));
 border:1px solid var(--wcode-line);border-radius:4px;line-height:1.4;direction:ltr;text-align:left}}
.wcode-answer pre,.wcode-answer code{{font-family:var(--wcode-mono)}}
.wcode-answer:not(#w) pre code{{font:inherit;background:none;padding:0;color:inherit;white-space:inherit}}
.wcode-answer:not(#w) pre.wcode-text{{white-space:pre-wrap;overflow-wrap:anywhere;background:none;border:0;padding:0;
 font:inherit;direction:inherit;text-align:start}}
.wcode-answer:not(#w) table{{margin:.6em 0;border-collapse:collapse;display:block;max-width:100%;overflow-x:auto;
 border:0;font-size:inherit}}
.wcode-answer:not(#w) :is(th,td){{padding:.3em .8em;border:0;border-bottom:1px solid var(--wcode-line);
 text-align:start;max-width:none;white-space:normal;vertical-align:top}}
.wcode-answer:not(#w) [align=right]{{text-align:right}}
.wcode-answer:not(#w) [align=center]{{text-align:center}}
.wcode-answer:not(#w) tr{{background:none}}
.wcode-answer th{{font-weight:600}}
.wcode-answer pre b{{{_code("keyword", "#2a8a4a")}}}
.wcode-answer pre i{{{_code("comment", "#6a8a8a")}}}
.wcode-answer .s{{{_code("string", "#c0504d")}}}
.wcode-answer .m{{{_code("number", "#3a9a5a")}}}
.wcode-answer .f{{{_code("def", "#4a7bd0")}}}
.wcode-answer .b{{{_code("builtin", "#2a8a4a")}}}
.wcode-answer .d{{color:var(--jp-error-color1,#d04a4a)}}
.wcode-answer .i{{color:var(--jp-success-color1,#3a9a5a)}}
.wcode-reasoning{{margin:0 0 .8em;padding-inline-start:.9em;border-inline-start:3px solid var(--wcode-line);
 color:var(--wcode-quiet);font-size:.92em}}
.wcode-reasoning summary{{cursor:pointer}}
.wcode-mark,.wcode-status{{color:var(--wcode-quiet);font-size:.85em;margin-top:.8em}}
.wcode-status{{border-top:1px solid var(--wcode-line);padding-top:.35em;font-variant-numeric:tabular-nums}}
.wcode-answer iframe{{width:100%;height:30em;border:1px solid var(--wcode-line);border-radius:4px;background:#fff}}
"""

STYLE = "<style>" + re.sub(r"\n ?", "", _SHEET) + "</style>"
"""The stylesheet as one `<style>` element."""

WAITING = f"color:{_QUIET};font-size:.85em"
"""Inline style of the waiting line, which is shown before any stylesheet is there."""
