"""The look of the label widget: one stylesheet, scoped to `.wcode-label`, that follows the theme."""

from __future__ import annotations

import re

__all__ = ["STYLE"]

_SHEET = """
.wcode-label{--jp-widgets-margin:0px;--wcode-quiet:var(--jp-ui-font-color2,#767676);
 --wcode-edge:var(--jp-border-color2,#8885);--wcode-brand:var(--jp-brand-color1,#2196f3);container-type:inline-size;
 max-width:860px;padding:12px 16px;gap:10px;border:1px solid var(--wcode-edge);border-radius:6px;
 font-size:var(--jp-ui-font-size1,13px);color:var(--jp-ui-font-color1);overflow:visible;outline-offset:-2px}
.wcode-label:focus{outline:2px solid var(--wcode-brand)}
.wcode-label :is(.widget-box,.widget-hbox,.widget-vbox){overflow:visible}
.wcode-label .widget-html:has(>.widget-html-content:empty){display:none}
.wcode-label .widget-html-content{line-height:1.5;font-size:inherit;width:100%}
.wcode-label .widget-html{min-width:0;width:auto;margin:0}
.wcode-label .wcode-work{gap:10px}
.wcode-label .wcode-label-head{display:flex;flex-wrap:wrap;gap:2px 16px;justify-content:space-between;
 align-items:baseline}
.wcode-label .wcode-label-head b{font-size:1.1em;font-weight:600}
.wcode-label .wcode-label-head span,.wcode-label .wcode-quiet{color:var(--wcode-quiet);font-size:.92em}
.wcode-label progress{appearance:none;width:100%;height:4px;border:0;border-radius:2px;overflow:hidden;
 background:var(--jp-border-color3,#8883);display:block;margin-top:4px}
.wcode-label progress::-webkit-progress-bar{background:var(--jp-border-color3,#8883)}
.wcode-label progress::-webkit-progress-value{background:var(--wcode-brand)}
.wcode-label progress::-moz-progress-bar{background:var(--wcode-brand)}
.wcode-label dl{margin:4px 0 0;display:grid;grid-template-columns:minmax(60px,max-content) 1fr;gap:4px 14px}
.wcode-label dt{color:var(--wcode-quiet);font-size:.92em;line-height:1.7;font-weight:400;overflow-wrap:anywhere}
.wcode-label dd{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}
.wcode-label .wcode-context dd{font-size:1.15em;line-height:1.55}
.wcode-label .wcode-context.wcode-one{display:block}
.wcode-label .wcode-one dt{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.wcode-label .wcode-item{min-height:88px}
.wcode-label .wcode-others{border-top:1px solid var(--wcode-edge);padding-top:8px;margin-top:10px}
.wcode-label .wcode-choices,.wcode-label .wcode-label-actions{flex-flow:row wrap;gap:8px;align-items:center}
.wcode-label .jupyter-button{width:auto;min-width:56px;padding:0 12px;border-radius:3px;flex:0 0 auto;margin:0;
 text-overflow:clip}
.wcode-label .wcode-choice{height:36px;line-height:36px;padding:0 16px;font-size:1.05em;
 background:var(--jp-layout-color2,#eee);color:var(--jp-ui-font-color1);white-space:pre}
.wcode-label .wcode-choice:not(.mod-primary){box-shadow:inset 0 0 0 1px var(--wcode-edge)}
.wcode-label .wcode-choice.mod-primary{background:var(--jp-brand-color0,#1565c0);color:var(--jp-layout-color0,#fff)}
.wcode-label .wcode-label-actions .jupyter-button{background:none;box-shadow:inset 0 0 0 1px var(--wcode-edge);
 color:var(--jp-ui-font-color1);height:26px;line-height:26px}
.wcode-label .jupyter-button:disabled{opacity:.45}
.wcode-label :is(button,input,summary):focus-visible{outline:2px solid var(--wcode-brand)!important;outline-offset:1px}
.wcode-label .widget-text{width:auto;max-width:520px}
.wcode-label .widget-text .widget-label{width:auto;min-width:40px;text-align:start}
.wcode-label .widget-text input{border-radius:3px}
.wcode-label .wcode-revealed{border-inline-start:3px solid var(--jp-warn-color1,#b36b00);padding-inline-start:10px}
.wcode-label details summary{cursor:pointer;color:var(--wcode-quiet);font-size:.92em}
.wcode-label details pre{white-space:pre-wrap;margin:6px 0 0;padding:8px 12px;font:inherit;
 border-inline-start:2px solid var(--wcode-edge);max-height:300px;overflow:auto;color:inherit;background:none}
.wcode-label .wcode-bad{color:var(--jp-error-color1,#d04a4a)}
.wcode-label .wcode-done{font-size:1.15em;margin:10px 0}
body:not(.wcode-at-home) .wcode-label .wcode-keys{display:none}
.wcode-label .wcode-label-lost{display:none}
.wcode-label.jupyter-widgets-disconnected::before,
 .wcode-label .jupyter-widgets-disconnected::before{content:none!important}
.wcode-label.jupyter-widgets-disconnected .wcode-label-lost{display:block;
 border:1px solid var(--jp-warn-color1,#b36b00);border-radius:4px;padding:6px 10px}
.wcode-label.jupyter-widgets-disconnected .jupyter-button{opacity:.4;pointer-events:none}
"""

STYLE = "<style>" + re.sub(r"\n+ ?", "", _SHEET) + "</style>"
"""The stylesheet as a `<style>` element."""
