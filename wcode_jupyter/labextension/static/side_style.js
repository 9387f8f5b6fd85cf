// The look of the side bar, which follows the theme.

export const SHEET = `
.wcode-side { overflow: auto; height: 100%; box-sizing: border-box; color: var(--jp-ui-font-color1);
  background: var(--jp-layout-color1); font-size: var(--jp-ui-font-size1); line-height: 1.4 }
.wcode-side [hidden] { display: none !important }
.wcode-side fieldset { border: 0; margin: 0; padding: 0; min-width: 0 }
.wcode-side header { display: flex; justify-content: space-between; align-items: center; gap: 6px; padding: 8px 12px }
.wcode-side header button { white-space: nowrap; padding: 3px 8px }
.wcode-side h2 { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; min-width: 0; font-size: 1em; font-weight: 600; margin: 0; flex: 1 1 auto }
.wcode-side-empty { padding: 12px }
.wcode-side-empty p { margin: 0 0 12px }
.wcode-side button { font: inherit; color: inherit; cursor: pointer; background: var(--jp-layout-color2);
  border: 1px solid var(--jp-border-color1); border-radius: 3px; padding: 3px 10px }
.wcode-side button:hover { background: var(--jp-layout-color3) }
.wcode-side details { border-top: 1px solid var(--jp-border-color2) }
.wcode-side summary { padding: 6px 12px; font-weight: 600; cursor: pointer; user-select: none }
.wcode-side-count { font-weight: 400; margin-inline-start: 8px; color: var(--jp-ui-font-color2); font-size: .92em }
.wcode-side-field { padding: 4px 12px 8px; border-inline-start: 2px solid transparent }
.wcode-side-set { border-inline-start-color: var(--jp-brand-color1) }
.wcode-side-head { display: flex; align-items: center; gap: 6px; min-height: 24px }
.wcode-side-head label { flex: 1 1 auto; min-width: 0; overflow-wrap: anywhere }
.wcode-side-set > .wcode-side-head label { font-weight: 600 }
.wcode-side .wcode-side-clear { border: 0; background: none; padding: 0 6px; line-height: 20px; font-size: 1.15em }
.wcode-side :is(input[type=text], textarea, select) { font: inherit; color: inherit; width: 100%; box-sizing: border-box;
  background: var(--jp-layout-color0, var(--jp-layout-color1)); border: 1px solid var(--jp-border-color1); border-radius: 3px;
  padding: 3px 6px; margin: 0 }
.wcode-side textarea { resize: vertical; field-sizing: content; min-height: 2lh; max-height: 20lh }
.wcode-side :is(input, textarea)::placeholder { color: var(--jp-ui-font-color2); opacity: .75 }
.wcode-side select[size] { padding: 0; margin-top: 4px; overflow-x: hidden }
.wcode-side select[size] option { padding: 2px 6px; overflow: hidden; text-overflow: ellipsis }
.wcode-side-number { display: flex; align-items: center; gap: 10px }
.wcode-side-number input[type=range] { flex: 1 1 60px; min-width: 0; margin: 0; accent-color: var(--jp-brand-color1) }
.wcode-side-number input[type=text] { flex: 0 0 84px }
.wcode-side-field:not(.wcode-side-set) input[type=range] { opacity: .55 }
.wcode-side-several { display: flex; flex-direction: column; gap: 4px }
.wcode-side :is(.wcode-side-hint, .wcode-side-help) { color: var(--jp-ui-font-color2); font-size: .9em; overflow-wrap: anywhere }
.wcode-side :is(.wcode-side-hint, .wcode-side-fault):empty, .wcode-side:not(.wcode-side-helping) .wcode-side-help { display: none }
.wcode-side [aria-pressed=true] { border-color: var(--jp-brand-color1); box-shadow: inset 0 0 0 1px var(--jp-brand-color1) }
.wcode-side-fault { font-size: .92em; overflow-wrap: anywhere }
.wcode-side-faults > div { padding: 0 12px 6px }
.wcode-side-faults, .wcode-side-wrong { color: var(--jp-error-color0, #b3261e) }
.wcode-side [aria-invalid=true] { border-color: var(--jp-error-color1) !important }
.wcode-side :is(button, input, textarea, select, summary):focus-visible { outline: 2px solid var(--jp-brand-color1); outline-offset: 1px }
`;
