// Tells when elements appear in the page, without watching the page for changes: an animation that shows nothing starts
// as soon as an element is rendered.

const NAME = 'wcode-seen';
const handlers = [];

export function whenSeen(selector, handle) {
  handlers.push([selector, handle]);
  const sheet = document.createElement('style');
  sheet.textContent =
    `@keyframes ${NAME} { from { outline-offset: 0 } }\n` +
    `${selector} { animation: ${NAME} 1ms }`;
  document.head.append(sheet);
}

document.addEventListener('animationstart', event => {
  const node = event.target;
  if (event.animationName !== NAME || node.dataset.wcodeSeen) {
    return;
  }
  node.dataset.wcodeSeen = '1';
  for (const [selector, handle] of handlers) {
    if (node.matches(selector)) {
      handle(node);
    }
  }
});
