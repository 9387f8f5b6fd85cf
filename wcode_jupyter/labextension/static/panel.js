// What the panel needs of the page: Copy, keys, the word that a Run waits for a busy kernel, and names and keyboard
// access for the parts that ipywidgets gives neither.

import { whenSeen } from './seen.js';

const PANEL = '.wcode-panel';
const STEP_MS = 50;
const PATIENCE_MS = 2000;

const wait = ms => new Promise(resolve => setTimeout(resolve, ms));

// -- copy

async function copyCode(event) {
  const button = event.target.closest(`${PANEL} .wcode-copy`);
  const box = button?.closest('.wcode-section').querySelector('.wcode-code textarea');
  if (!box) {
    return;
  }
  try {
    await navigator.clipboard.writeText(box.value);
  } catch {
    // A page that came by plain HTTP has no clipboard of its own.
    box.select();
    if (!document.execCommand('copy')) {
      return; // what is selected can be copied by hand
    }
  }
  button.classList.add('wcode-copied');
  setTimeout(() => button.classList.remove('wcode-copied'), 1500);
}

// -- keys: Ctrl-Enter runs, Esc stops

class Keys {
  constructor(isBusy) {
    this.isBusy = isBusy;
    this.attempt = 0; // typing on ends the attempt to run what stood there
  }

  onKey(event) {
    const panel = event.target.closest?.(PANEL);
    if (!panel?.querySelector('.wcode-run')) { // the explorer, too, is a panel, and sends nothing
      return;
    }
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      this.run(panel, event.target);
    } else if (event.key === 'Escape' && !panel.querySelector('.wcode-stop').disabled) {
      panel.querySelector('.wcode-stop').click();
    } else {
      return;
    }
    // JupyterLab would run the cell, or leave the panel.
    event.preventDefault();
    event.stopPropagation();
  }

  async run(panel, field) {
    const attempt = ++this.attempt;
    // The code box tells the kernel what is in it when it is left.
    field.dispatchEvent(new Event('change', { bubbles: true }));
    const button = panel.querySelector('.wcode-run');
    // The kernel enables the button once it knows that what was typed can be sent.
    for (let idle = 0; button.disabled && idle < PATIENCE_MS; idle += this.isBusy() ? 0 : STEP_MS) {
      panel.classList.toggle('wcode-queued', this.isBusy());
      await wait(STEP_MS);
      if (attempt !== this.attempt || !panel.isConnected) {
        break;
      }
    }
    panel.classList.remove('wcode-queued');
    if (attempt === this.attempt) {
      button.click();
    }
  }

  onClick(event) {
    const button = event.target.closest?.(`${PANEL} .wcode-run`);
    if (button && this.isBusy()) {
      this.queue(button, button.closest(PANEL));
    }
  }

  async queue(button, panel) {
    panel.classList.add('wcode-queued');
    while (!button.disabled && this.isBusy() && panel.isConnected) {
      await wait(STEP_MS);
    }
    panel.classList.remove('wcode-queued');
  }
}

// -- names and keyboard

function nameHandle(handle) {
  const label = handle.closest('.widget-slider')?.querySelector('.widget-label');
  handle.setAttribute('aria-label', label?.textContent ?? '');
}

function tellState(header) {
  header.setAttribute('aria-expanded', header.parentElement.classList.contains('jupyter-widget-Collapse-open'));
}

function makeButton(header) {
  header.setAttribute('role', 'button');
  header.tabIndex = 0;
  tellState(header);
  header.addEventListener('click', () => setTimeout(() => tellState(header)));
  header.addEventListener('keydown', event => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      header.click();
    }
  });
}

// `isBusy` says whether the kernel of the notebook in front is at work.
export function servePanels(isBusy) {
  const keys = new Keys(isBusy);
  whenSeen(`${PANEL} .noUi-handle`, nameHandle);
  whenSeen(`${PANEL} .jupyter-widget-Collapse-header`, makeButton);
  document.addEventListener('click', copyCode);
  document.addEventListener('click', event => keys.onClick(event));
  document.addEventListener('keydown', event => keys.onKey(event), true);
  document.addEventListener('input', () => keys.attempt++);
  document.body.classList.add('wcode-at-home'); // shows what needs this extension
}
