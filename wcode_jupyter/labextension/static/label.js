// Keys of the label widget: 1-9 press the labels, letters and arrows the other buttons. A press waits until the page
// shows the next item, so that a key that is hit twice never labels a row that nobody has seen.

import { whenSeen } from './seen.js';

const ROOT = '.wcode-label';
const PRESSES = '.wcode-choice, .wcode-enter, .wcode-skip, .wcode-undo, .wcode-back, .wcode-forward';
const BUTTONS = {
  s: '.wcode-skip',
  u: '.wcode-undo',
  m: '.wcode-reveal',
  ArrowLeft: '.wcode-back',
  ArrowRight: '.wcode-forward'
};

function buttonOf(root, key) {
  if (/^[1-9]$/.test(key)) {
    return root.querySelectorAll('.wcode-choice')[key - 1];
  }
  const selector = BUTTONS[key.length === 1 ? key.toLowerCase() : key];
  return selector && root.querySelector(selector);
}

function inField(root, event) {
  if (event.key === 'Enter' && event.target.closest('.wcode-value')) {
    event.target.dispatchEvent(new Event('change', { bubbles: true }));
    root.querySelector('.wcode-enter').click();
  } else if (event.key === 'Enter' || event.key === 'Escape') {
    event.target.dispatchEvent(new Event('change', { bubbles: true }));
    root.focus({ preventScroll: true });
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

function onKey(event) {
  const root = event.target.closest?.(ROOT);
  if (!root || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.key === 'Tab') {
    return;
  }
  if (event.target.matches('input, textarea')) {
    inField(root, event);
    return;
  }
  // JupyterLab has commands for single keys: D twice would delete the cell.
  event.stopPropagation();
  if (event.key.toLowerCase() === 'n') {
    root.querySelector('.wcode-note input').focus();
    event.preventDefault();
    return;
  }
  const button = event.repeat ? null : buttonOf(root, event.key);
  if (button) {
    event.preventDefault();
    button.click();
  }
}

function onClick(event) {
  const button = event.target.closest?.(PRESSES);
  const root = button?.closest(ROOT);
  if (!root || button.disabled) {
    return;
  }
  if ('wcodePending' in root.dataset) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  root.dataset.wcodePending = ''; // until the next item is rendered
  if (button.matches('.wcode-choice') || document.activeElement === document.body) {
    root.focus({ preventScroll: true });
  }
}

export function serveLabels() {
  whenSeen(ROOT, root => {
    root.tabIndex = 0;
    root.setAttribute('role', 'group');
    root.setAttribute('aria-label', root.querySelector('.wcode-label-head b')?.textContent ?? '');
  });
  whenSeen(`${ROOT} .wcode-item`, item => {
    const root = item.closest(ROOT);
    delete root.dataset.wcodePending;
    item.closest('.widget-html-content').setAttribute('aria-live', 'polite');
    root.querySelectorAll('.wcode-choice').forEach((button, i) => i < 9 && button.setAttribute('aria-keyshortcuts', i + 1));
  });
  document.addEventListener('keydown', onKey, true);
  document.addEventListener('click', onClick, true);
}
