"""The look of the panel: one stylesheet, scoped to `.wcode-panel`, that follows the theme."""

from __future__ import annotations

import re

from ..display.style import STYLE as ANSWER_STYLE

__all__ = ["STYLE"]

_SHEET = """
.wcode-panel{--jp-widgets-margin:0px;--wcode-quiet:var(--jp-ui-font-color2,#767676);--wcode-edge:var(--jp-border-color2,#8885);
 --wcode-mark:var(--jp-warn-color1,#b36b00);--wcode-brand:var(--jp-brand-color1,#2196f3);
 container-type:inline-size;max-width:1500px;padding:4px 4px 12px;font-size:var(--jp-ui-font-size1,13px);
 color:var(--jp-ui-font-color1);overflow:visible}
.wcode-panel .widget-box,.wcode-panel .widget-hbox,.wcode-panel .widget-vbox{overflow:visible}
.wcode-panel .wcode-columns{display:flex;flex-flow:row wrap;gap:20px 32px;align-items:flex-start}
.wcode-panel .wcode-left{flex:3 1 460px;min-width:0;gap:12px}
.wcode-panel .wcode-right{flex:2 1 400px;min-width:0;gap:20px}
.wcode-panel .wcode-section{gap:6px}
.wcode-panel .wcode-split{justify-content:space-between;align-items:center;gap:8px}
.wcode-panel .wcode-actions{flex-flow:row wrap;gap:6px 8px;align-items:center}
.wcode-panel .wcode-hidden,.wcode-panel .widget-html:has(>.widget-html-content:empty){display:none}
.wcode-panel h4{margin:0;font-size:1em;font-weight:600;color:inherit;line-height:1.7}
.wcode-panel h4 span{font-weight:400;color:var(--wcode-quiet);font-size:.92em;margin-inline-start:6px}
.wcode-panel .wcode-head{border-bottom:1px solid var(--wcode-edge);padding-bottom:6px;margin-bottom:12px}
.wcode-panel .wcode-head h4{font-size:1.15em}
.wcode-panel .wcode-head h4 span{font-size:.8em}
.wcode-panel .widget-html,.wcode-panel .widget-htmlmath{min-width:0}
.wcode-panel .widget-html-content,.wcode-panel .widget-htmlmath-content{line-height:1.45;font-size:inherit;
 align-self:stretch;width:100%}
.wcode-panel .wcode-quiet{color:var(--wcode-quiet);font-size:.92em;white-space:pre-line}
.wcode-panel .wcode-bad{color:var(--jp-error-color1,#d04a4a)}
.wcode-panel .wcode-warn{color:var(--jp-warn-color0,var(--wcode-mark))}
.wcode-panel .wcode-name{font-weight:600;margin-top:2px}

.wcode-panel :is(input:not([type=checkbox]),textarea,select){border-radius:3px}
.wcode-panel :is(button,input,textarea,select,.noUi-handle,.jupyter-widget-Collapse-header,.lm-TabBar-tab,
 summary,pre):focus-visible{outline:2px solid var(--wcode-brand)!important;outline-offset:1px}
.wcode-panel :is(.wcode-named,.wcode-line :is(.widget-text,.widget-textarea,.widget-slider,.widget-dropdown))
 >.widget-label{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.wcode-panel .noUi-handle{background:var(--jp-layout-color1,#fff);border:1px solid var(--wcode-quiet);box-shadow:none}
.wcode-panel textarea{resize:vertical;line-height:1.45}
.wcode-panel .wcode-above{flex-direction:column;height:auto;align-items:stretch}
.wcode-panel .wcode-above>label{width:auto;max-width:none;text-align:start;align-self:flex-start;font-weight:600;
 height:auto;line-height:1.7;margin:0;padding-bottom:2px}
.wcode-panel .wcode-above :is(textarea,input){width:100%;box-sizing:border-box}
.wcode-panel .wcode-above textarea{field-sizing:content;min-height:calc(2lh + 14px);max-height:32lh;
 font-family:var(--jp-ui-font-family,sans-serif)}
.wcode-panel .wcode-prompt textarea,.wcode-panel .wcode-code textarea{min-height:calc(5lh + 14px)}
.wcode-panel .wcode-code textarea{font-family:var(--jp-code-font-family,monospace);
 font-size:var(--jp-code-font-size,13px);background:var(--jp-cell-editor-background);white-space:pre-wrap;
 overflow-wrap:anywhere}

.wcode-panel .jupyter-button{width:auto;min-width:64px;padding:0 12px;border-radius:3px;text-overflow:clip;
 flex:0 0 auto}
.wcode-panel .jupyter-button:disabled{background:var(--jp-layout-color2,#eee);color:var(--jp-ui-font-color3,#999);
 opacity:1}
.wcode-panel .widget-toggle-button{background:none;box-shadow:inset 0 0 0 1px var(--wcode-edge);
 color:var(--wcode-quiet)}
.wcode-panel .widget-toggle-button.mod-active{box-shadow:inset 0 0 0 1px var(--wcode-brand);
 color:var(--wcode-brand)}
.wcode-panel :is(.wcode-tag,.widget-toggle-button){min-width:0;padding:0 9px;height:24px;line-height:24px}
body:not(.wcode-at-home) .wcode-copy,.wcode-panel:not(.wcode-queued) .widget-html:has(>*>.wcode-waits){display:none}
.wcode-panel .wcode-copied::after{content:" ✓"}

.wcode-panel .wcode-models{flex-flow:row wrap;gap:8px 20px;align-items:stretch}
.wcode-panel .wcode-models>*{flex:1 1 230px;min-width:0}
.wcode-panel .wcode-pick{gap:6px}
.wcode-panel .wcode-pick select{padding:3px;height:auto;overflow-x:hidden}
.wcode-panel .wcode-pick option{padding:1px 5px;border-radius:2px;text-overflow:ellipsis;overflow:hidden}
.wcode-panel .wcode-facts .widget-html-content{border-inline-start:2px solid var(--wcode-edge);
 padding-inline-start:14px;overflow-wrap:anywhere}
.wcode-panel .wcode-facts table{border-collapse:collapse;font-size:.95em;margin:2px 0 0}
.wcode-panel .wcode-facts td{padding:1px 12px 1px 0;text-align:start;vertical-align:top;border:0;background:none;
 white-space:normal;max-width:none}
.wcode-panel .wcode-facts tr{background:none!important}
.wcode-panel .wcode-facts td:first-child{color:var(--wcode-quiet);white-space:nowrap}
.wcode-panel .wcode-refs code{background:none;font-family:var(--jp-code-font-family,monospace)}

.wcode-panel .wcode-output{border:1px solid var(--wcode-edge);border-radius:4px;padding:10px 14px;gap:8px;
 min-height:44px}
.wcode-panel .wcode-output .widget-htmlmath{height:auto}
.wcode-panel .wcode-consent{border:1px solid var(--wcode-mark);border-radius:4px;padding:8px 12px;gap:8px}
.wcode-panel .wcode-consent pre{white-space:pre-wrap;overflow-wrap:anywhere;max-height:20lh;overflow:auto;
 margin:4px 0 0}
.wcode-panel .jupyter-widget-Collapse-header{padding:0;border:0;background:none;color:var(--wcode-quiet);
 font-size:.92em}
.wcode-panel .jupyter-widget-Collapse-contents{border:0;border-inline-start:2px solid var(--wcode-edge);background:none;
 color:inherit;margin:6px 0 2px 4px;padding:0 12px}

.wcode-panel .lm-TabBar-content{flex-wrap:wrap}
.wcode-panel .lm-TabBar-tab{min-width:0!important;flex:0 1 auto!important;padding:0 7px!important}
.wcode-panel .widget-tab-contents{padding:6px 12px}
.wcode-panel .wcode-field{padding:7px 0 6px}
.wcode-panel .wcode-field+.wcode-field{border-top:1px solid var(--jp-border-color3,#8883)}
.wcode-panel .wcode-line{align-items:flex-start;gap:10px}
.wcode-panel .wcode-line>.widget-checkbox{flex:0 0 168px;width:168px}
.wcode-panel .wcode-line>.widget-checkbox .widget-label-basic{display:flex;align-items:center;
 justify-content:flex-start;gap:8px;width:100%;height:28px}
.wcode-panel .wcode-line>.widget-checkbox input{margin:0;flex:none}
.wcode-panel .wcode-line .widget-hbox{gap:10px}
.wcode-panel .wcode-line .widget-vbox{gap:6px}
.wcode-panel .wcode-line textarea{font-family:var(--jp-code-font-family,monospace)}
.wcode-panel .wcode-hint{padding-inline-start:178px;color:var(--wcode-quiet);font-size:.88em;line-height:1.4}
.wcode-panel .wcode-hint>div:empty,.wcode-panel .wcode-help{display:none}
.wcode-panel .wcode-helping .wcode-help{display:block}
.wcode-panel .wcode-off>.wcode-line>:not(.widget-checkbox){opacity:.65}
.wcode-panel .wcode-off textarea:not(:focus){height:28px;min-height:0;overflow:hidden;resize:none;white-space:nowrap}
.wcode-panel .wcode-faulty :is(input:not([type=checkbox]),textarea){border-color:var(--jp-error-color1,#d04a4a)}
.wcode-panel .wcode-warned{box-shadow:-3px 0 var(--wcode-mark);padding-inline-start:8px;margin-inline-start:-8px}
.wcode-panel .wcode-tag{font-family:var(--jp-code-font-family,monospace)}

.wcode-panel.jupyter-widgets-disconnected::before,
 .wcode-panel .jupyter-widgets-disconnected::before{content:none!important}
.wcode-panel .wcode-lost{display:none;border:1px solid var(--wcode-mark);border-radius:4px;padding:6px 10px;
 margin-bottom:8px}
.wcode-panel.jupyter-widgets-disconnected .wcode-lost{display:block}
.wcode-panel.jupyter-widgets-disconnected .jupyter-button:not(.wcode-copy){opacity:.4;pointer-events:none}
@container (max-width:560px){.wcode-panel .wcode-models>*{flex-basis:100%}}
@container (max-width:420px){.wcode-panel .wcode-line{flex-wrap:wrap}.wcode-panel .wcode-hint{padding-inline-start:0}}
"""

STYLE = ANSWER_STYLE + "<style>" + re.sub(r"\n+ ?", "", _SHEET) + "</style>"
"""The stylesheets of answer and panel as `<style>` elements."""
