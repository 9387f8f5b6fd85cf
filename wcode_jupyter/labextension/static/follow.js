// A button in the line that tells how far an answer is: the page scrolls along with the answer until the reader scrolls
// away. The line is sent anew each second, and the button with it, so what it stands for is kept by output area.

import { whenSeen } from './seen.js';
import { words } from './words.js';

const SHEET = `
.wcode-live .wcode-follow { font: inherit; line-height: 1.4; margin-inline-start: 8px; padding: 0 7px; cursor: pointer;
  color: var(--jp-ui-font-color1); background: var(--jp-layout-color1); border: 1px solid var(--jp-border-color2);
  border-radius: 3px }
.wcode-follow[aria-pressed=true] { border-color: var(--jp-brand-color1) }
.wcode-follow:focus-visible { outline: 2px solid var(--jp-brand-color1); outline-offset: 1px }
`;
const AWAY = ['ArrowUp', 'PageUp', 'Home'];

let followed = null; // what stops following, and the area that is followed
let focused = null; // area whose button has the focus

function scrollerOf(node) {
  let found = node.parentElement;
  while (found && !(found.scrollHeight > found.clientHeight && /auto|scroll/.test(getComputedStyle(found).overflowY))) {
    found = found.parentElement;
  }
  return found;
}

function stop() {
  followed?.end();
  followed = null;
  document.querySelectorAll('.wcode-follow').forEach(button => button.setAttribute('aria-pressed', 'false'));
}

function follow(area) {
  stop();
  const scroller = scrollerOf(area);
  if (!scroller) {
    return;
  }
  const show = () => {
    const below = area.getBoundingClientRect().bottom - scroller.getBoundingClientRect().bottom;
    if (below > 0) {
      scroller.scrollTop += below + 8;
    }
  };
  const observer = new ResizeObserver(show);
  observer.observe(area);
  const leaving = new AbortController();
  const listen = (name, isAway) =>
    scroller.addEventListener(name, event => isAway(event) && stop(), { signal: leaving.signal, passive: true });
  listen('wheel', event => event.deltaY < 0);
  listen('touchmove', () => true);
  listen('keydown', event => AWAY.includes(event.key));
  listen('pointerdown', event => event.target === scroller); // its scroll bar
  followed = {
    area,
    end: () => {
      observer.disconnect();
      leaving.abort();
    }
  };
  show();
}

function addButton(line) {
  const area = line.closest('.jp-OutputArea');
  if (!area || line.querySelector('.wcode-follow')) {
    return;
  }
  const button = Object.assign(document.createElement('button'), { type: 'button', className: 'wcode-follow' });
  button.textContent = words.follow;
  button.title = words.followHint;
  button.setAttribute('aria-pressed', String(followed?.area === area));
  button.addEventListener('click', event => {
    event.stopPropagation();
    if (followed?.area === area) {
      stop();
    } else {
      follow(area);
      button.setAttribute('aria-pressed', String(followed?.area === area));
    }
  });
  button.addEventListener('focus', () => (focused = area));
  button.addEventListener('blur', () => {
    if (button.isConnected) {
      focused = null;
    }
  });
  line.append(button);
  if (focused === area) {
    button.focus({ preventScroll: true });
  }
}

export function serveFollowing() {
  document.head.append(Object.assign(document.createElement('style'), { textContent: SHEET }));
  whenSeen('.wcode-live', addButton);
  whenSeen('.wcode-status', status => followed?.area === status.closest('.jp-OutputArea') && stop());
}
