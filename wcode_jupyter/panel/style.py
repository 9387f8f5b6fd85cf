"""The look of the panel: one stylesheet, scoped to `.wcode-panel`, that follows the theme."""

from __future__ import annotations

import re

from ..display.style import STYLE as ANSWER_STYLE

__all__ = ["STYLE"]

_SHEET = """
.wcode-panel{container-type:inline-size;max-width:1500px;padding:2px 4px 10px;font-size:var(--jp-ui-font-size1,13px);
 color:var(--jp-ui-font-color1);overflow:visible}
.wcode-panel .wcode-columns{display:flex;flex-flow:row wrap;gap:14px 28px;align-items:flex-start;overflow:visible}
.wcode-panel .wcode-left{flex:3 1 460px;min-width:0;gap:8px;overflow:visible}
.wcode-panel .wcode-right{flex:2 1 360px;min-width:0;gap:14px;overflow:visible}
.wcode-panel .widget-box,.wcode-panel .widget-hbox,.wcode-panel .widget-vbox{overflow:visible}
.wcode-panel h4{margin:0;font-size:1em;font-weight:600;color:var(--jp-ui-font-color1);line-height:1.7}
.wcode-panel h4 span{font-weight:400;color:var(--jp-ui-font-color2,#767676);font-size:.92em;margin-inline-start:6px}
.wcode-panel .wcode-section{gap:4px}
.wcode-panel .widget-html,.wcode-panel .widget-htmlmath{margin:0;min-width:0}
.wcode-panel .widget-html-content,.wcode-panel .widget-htmlmath-content{line-height:1.45;font-size:inherit;
 align-self:stretch;width:100%}
.wcode-panel .wcode-quiet{color:var(--jp-ui-font-color2,#767676);font-size:.92em;white-space:pre-line}
.wcode-panel .wcode-bad{color:var(--jp-error-color1,#d04a4a)}
.wcode-panel .wcode-warn{color:var(--jp-warn-color0,var(--jp-warn-color1,#b36b00))}
.wcode-panel .wcode-name{font-weight:600}
.wcode-panel .wcode-above{flex-direction:column;height:auto;align-items:stretch}
.wcode-panel .wcode-above>label,.wcode-panel .wcode-above .widget-label{width:auto;max-width:none;text-align:start;
 justify-content:flex-start;align-self:flex-start;font-weight:600;height:auto;line-height:1.7;margin:0}
.wcode-panel .wcode-above textarea,.wcode-panel .wcode-above input,.wcode-panel .wcode-above select{width:100%;
 box-sizing:border-box}
.wcode-panel textarea{resize:vertical;line-height:1.45}
.wcode-panel .wcode-code textarea{font-family:var(--jp-code-font-family,monospace);
 font-size:var(--jp-code-font-size,13px);background:var(--jp-cell-editor-background);white-space:pre-wrap;overflow-wrap:anywhere}
.wcode-panel .wcode-actions{flex-flow:row wrap;gap:6px 8px;align-items:center}
.wcode-panel .jupyter-button{width:auto;min-width:64px;padding:0 12px;margin:0;border-radius:3px;
 text-overflow:clip;flex:0 0 auto}
.wcode-panel .jupyter-button:focus-visible,.wcode-panel input:focus-visible,.wcode-panel textarea:focus-visible,
 .wcode-panel select:focus-visible{outline:2px solid var(--jp-brand-color1,#2196f3);outline-offset:1px}
.wcode-panel .wcode-field{padding:3px 0 5px;border-bottom:1px solid var(--jp-border-color3,#8883)}
.wcode-panel .wcode-line{align-items:flex-start;gap:8px}
.wcode-panel .wcode-line>.widget-checkbox{flex:0 0 168px;width:168px;margin:0}
.wcode-panel .wcode-line>.widget-checkbox .widget-label-basic{width:100%;margin:0}
.wcode-panel .wcode-line>*{margin-top:0;margin-bottom:0}
.wcode-panel .wcode-hint{padding-inline-start:178px;color:var(--jp-ui-font-color2,#767676);font-size:.88em;
 line-height:1.35}
.wcode-panel .wcode-hint>div:empty{display:none}
.wcode-panel .wcode-help{display:none}
.wcode-panel .wcode-helping .wcode-help{display:block}
.wcode-panel .wcode-off>.wcode-line>:not(.widget-checkbox){opacity:.5}
.wcode-panel .wcode-faulty input:not([type=checkbox]),.wcode-panel .wcode-faulty textarea{
 border-color:var(--jp-error-color1,#d04a4a)}
.wcode-panel .wcode-output{border:1px solid var(--jp-border-color2,#8885);border-radius:4px;padding:8px 12px;gap:4px;
 min-height:44px}
.wcode-panel .wcode-output .widget-htmlmath{height:auto}
.wcode-panel .lm-TabBar-content{flex-wrap:wrap}
.wcode-panel .lm-TabBar-tab{min-width:0!important;flex:0 1 auto!important;padding:0 8px!important}
.wcode-panel .widget-tab-contents{padding:6px 8px}
.wcode-panel .wcode-models{flex-flow:row wrap;gap:4px 12px;align-items:stretch}
.wcode-panel .wcode-models>.wcode-pick{flex:1 1 230px;min-width:0}
.wcode-panel .wcode-models>.wcode-facts{flex:1 1 230px;min-width:0}
.wcode-panel .wcode-facts .widget-html-content{border-inline-start:3px solid var(--jp-border-color2,#8885);
 padding-inline-start:10px}
.wcode-panel .wcode-facts table{border-collapse:collapse;font-size:.95em;margin:0}
.wcode-panel .wcode-facts td{padding:0 10px 0 0;text-align:start;vertical-align:top;border:0;background:none;
 white-space:normal;max-width:none}
.wcode-panel .wcode-facts tr{background:none!important}
.wcode-panel .wcode-facts td:first-child{color:var(--jp-ui-font-color2,#767676);white-space:nowrap}
.wcode-panel .wcode-head{justify-content:space-between;align-items:center;border-bottom:1px solid
 var(--jp-border-color2,#8885);padding-bottom:4px;margin-bottom:6px}
.wcode-panel .wcode-head h4{font-size:1.15em}
.wcode-panel .wcode-head h4 span{font-size:.8em}
.wcode-panel .wcode-pick .jupyter-button{min-width:0;padding:0 9px;height:24px;line-height:24px}
.wcode-panel .wcode-pick .wcode-actions{gap:4px;margin:2px 0}
.wcode-panel .wcode-refs code{background:none;font-family:var(--jp-code-font-family,monospace)}
.wcode-panel .wcode-warned{border-inline-start:3px solid var(--jp-warn-color1,#b36b00);padding-inline-start:6px}
.wcode-panel .wcode-tag{min-width:0;padding:0 8px;height:24px;line-height:24px;
 font-family:var(--jp-code-font-family,monospace)}
.wcode-panel .wcode-hidden{display:none}
.wcode-panel.jupyter-widgets-disconnected::before,
 .wcode-panel .jupyter-widgets-disconnected::before{content:none!important}
.wcode-panel .wcode-lost{display:none;border:1px solid var(--jp-warn-color1,#b36b00);border-radius:4px;padding:6px 10px}
.wcode-panel.jupyter-widgets-disconnected .wcode-lost{display:block}
.wcode-panel.jupyter-widgets-disconnected .wcode-columns{opacity:.6}
@container (max-width:420px){.wcode-panel .wcode-line{flex-wrap:wrap}.wcode-panel .wcode-hint{padding-inline-start:0}}
"""

STYLE = ANSWER_STYLE + "<style>" + re.sub(r"\n ?", "", _SHEET) + "</style>"
"""The stylesheets of answer and panel as `<style>` elements."""
