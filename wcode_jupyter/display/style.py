"""The look of an answer: one small stylesheet, scoped to `.wcode-…` classes, that follows the theme.

It is saved in each output, so every rule earns its place. Colours are JupyterLab's variables (light and dark, Notebook
7, nbconvert), then VS Code's, then one that reads on both white and black. Model text cannot write here: raw HTML is
inert and no class of its own reaches the page. `:not(#w)` only adds weight, where JupyterLab's own rules are heavier.
"""

from __future__ import annotations

import re

__all__ = ["ERROR", "LIVE_STYLE", "STYLE", "WAITING"]

# No one grey reads on white and on Colab's dark: three quarters of the text's own colour do everywhere.
_QUIET = "var(--jp-ui-font-color2,color-mix(in srgb,currentColor 75%,#0000))"


def _code(name: str, fallback: str) -> str:
    return f"color:var(--jp-mirror-editor-{name}-color,{fallback})"


_SHEET = f"""
.wcode-answer{{max-width:60em;line-height:1.55;overflow-wrap:break-word;overflow-x:auto;--wcode-quiet:{_QUIET};
 --wcode-line:var(--jp-border-color2,var(--vscode-panel-border,#8885));
 --wcode-mono:var(--jp-code-font-family,var(--vscode-editor-font-family,monospace)),monospace}}
.wcode-answer:not(#w){{margin-bottom:0;padding-inline-start:var(--jp-code-padding,0)}}
.wcode-answer:not(#w)>*{{margin-block:0 .8em}}
.wcode-answer:not(#w) :is(li,blockquote,details)>*{{margin-block:0 .3em}}
.wcode-answer p{{text-align:start}}
.wcode-answer:not(#w) :is(h1,h2,h3){{padding-top:.4em;margin-bottom:.4rem;font-size:1.15em;font-weight:600}}
.wcode-answer:not(#w) h1{{font-size:1.5em}}
.wcode-answer:not(#w) h2{{font-size:1.3em}}
.wcode-answer:not(#w) pre{{padding:.6em .8em;overflow-x:auto;white-space:pre;overflow-wrap:normal;
 word-break:normal;background:var(--jp-cell-editor-background,var(--vscode-textCodeBlock-background,#8881));
 border:1px solid var(--wcode-line);border-radius:4px;line-height:1.4;direction:ltr;text-align:left}}
.wcode-answer pre,.wcode-answer code{{font-family:var(--wcode-mono)}}
.wcode-answer:not(#w) pre code{{font:inherit;background:none;padding:0;color:inherit;white-space:inherit}}
.wcode-answer:not(#w) pre.wcode-text{{white-space:pre-wrap;overflow-wrap:anywhere;background:none;border:0;padding:0;
 font:inherit;direction:inherit;text-align:start}}
.wcode-answer:not(#w) table{{border-collapse:collapse;display:block;max-width:100%;overflow-x:auto;
 border:0;font-size:inherit}}
.wcode-answer:not(#w) :is(th,td){{padding:.3em .8em;border:0;border-bottom:1px solid var(--wcode-line);
 text-align:start;max-width:none;white-space:normal;vertical-align:top;word-break:normal;overflow-wrap:normal}}
.wcode-answer code{{word-break:normal}}
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
.wcode-reasoning{{padding-inline-start:.9em;border-inline-start:3px solid var(--wcode-line);
 color:var(--wcode-quiet);font-size:.92em}}
.wcode-reasoning summary{{cursor:pointer}}
.wcode-mark,.wcode-status{{color:var(--wcode-quiet);font-size:.85em}}
.wcode-status{{border-top:1px solid var(--wcode-line);padding-top:.35em;font-variant-numeric:tabular-nums}}
.wcode-status span{{cursor:help}}
.wcode-answer iframe{{width:100%;height:30em;border:1px solid var(--wcode-line);border-radius:4px;background:#fff}}
"""

# Only while an answer streams, mostly in the page of JupyterLab and Notebook. The box of the reasoning scrolls in its
# place, which stays when its content is replaced; the line above folds it. The line that says how far the answer is
# stands below all others, and in view.
_PAGE = """
.wcode-thoughts{display:flex;flex-direction:column-reverse;max-height:13em;overflow:auto}
.wcode-folding{min-height:0;animation:wcode-fold .5s ease-out}
@keyframes wcode-fold{from{min-height:calc(var(--wcode-lines)*1.43em + 1.5em)}}
@media(prefers-reduced-motion){.wcode-folding{animation:none}}
.wcode-live{color:var(--wcode-quiet);font-size:.85em;padding:.35em 0;background:var(--jp-layout-color0,Canvas);
 font-variant-numeric:tabular-nums}
.jp-OutputArea:has(.wcode-live){display:flex;flex-direction:column;overflow:visible}
.jp-OutputArea-child:has(.jp-OutputArea-output>style:first-child+.wcode-answer:last-child>.wcode-live){
 order:1;position:sticky;bottom:0;z-index:1;flex:none}
.jp-OutputArea-output:has(>.wcode-answer>.wcode-live){display:flex;flex-direction:column;overflow:visible}
.jp-OutputArea-output>.wcode-answer:has(>.wcode-live){order:1;position:sticky;bottom:0}
.jp-OutputArea-output:has(>.wcode-answer:only-child>.wcode-thoughts){display:flex;flex-direction:column-reverse;
 max-height:13em;overflow:auto;overflow-anchor:none}
.jp-OutputArea-output:has(>.wcode-answer:only-child>.wcode-thoughts)>.wcode-answer{flex:none}
.jp-OutputArea-output>.wcode-answer:only-child>.wcode-thoughts{display:block;max-height:none;overflow:visible}
.jp-OutputArea-child:has(>* .wcode-reasoning:not([open])>summary:only-child)+
 .jp-OutputArea-child:has(.wcode-thoughts){display:none}
"""

LIVE_STYLE = "<style>" + re.sub(r"\n ?", "", _PAGE) + "</style>"
"""The stylesheet of what is shown while an answer streams; never saved."""

STYLE = "<style>" + re.sub(r"\n ?", "", _SHEET) + "</style>"
"""The stylesheet as one `<style>` element."""

WAITING = f"color:{_QUIET};font-size:.85em;padding-inline-start:var(--jp-code-padding,5px)"
"""Inline style of the waiting line, which is shown before any stylesheet is there."""

ERROR = "color:var(--jp-error-color1,var(--vscode-errorForeground,#d04a4a))"
"""Inline style of an error in the place of an answer: rare, so that no other answer carries it."""
