// A selection in an answer that streams survives its end, when one output takes the place of all its pieces.
//
// The text is the same before and after, so a place in it is a number of characters, blanks not counted.

const ANSWER = '.wcode-answer';
const OTHER = 'style, summary, .wcode-live, .wcode-waiting, .wcode-status, .wcode-bar, .wcode-code-bar, .mathjax_process';

let kept = null; // { area, start, end, backward }

function texts(area) {
  const walker = document.createTreeWalker(area, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT, {
    acceptNode: node => {
      if (node.nodeType === Node.ELEMENT_NODE) {
        return node.matches(OTHER) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_SKIP;
      }
      return node.parentElement.closest(ANSWER) ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP;
    }
  });
  const found = [];
  while (walker.nextNode()) {
    found.push(walker.currentNode);
  }
  return found;
}

const inked = text => text.replace(/\s/g, '').length;

// How many characters stand before a place of a range in `area`.
function countBefore(nodes, node, offset) {
  const place = document.createRange();
  place.setStart(node, offset);
  let count = 0;
  for (const text of nodes) {
    if (text === node) {
      return count + inked(text.data.slice(0, offset));
    }
    if (place.comparePoint(text, 0) >= 0) {
      return count;
    }
    count += inked(text.data);
  }
  return count;
}

// The place behind `count` characters; for the start of a selection, before the next one.
function placeOf(nodes, count, isStart) {
  for (const text of nodes) {
    const size = inked(text.data);
    if (count < size || (count === size && !isStart)) {
      let offset = 0;
      for (let left = count; left > 0 || (isStart && /\s/.test(text.data[offset] ?? 'x')); offset++) {
        left -= /\s/.test(text.data[offset]) ? 0 : 1;
      }
      return [text, offset];
    }
    count -= size;
  }
  return null;
}

function remember() {
  const selection = document.getSelection();
  const anchor = selection.anchorNode;
  const element = anchor?.nodeType === Node.TEXT_NODE ? anchor.parentElement : anchor;
  if (!selection.isCollapsed && element?.closest(ANSWER)) {
    const area = element.closest('.jp-OutputArea');
    if (area?.querySelector('.wcode-live, .wcode-waiting') || kept?.area === area) {
      const nodes = texts(area);
      const range = selection.getRangeAt(0);
      kept = {
        area,
        start: countBefore(nodes, range.startContainer, range.startOffset),
        end: countBefore(nodes, range.endContainer, range.endOffset)
      };
    }
  } else if (kept && !element?.contains(kept.area)) {
    kept = null; // the reader has clicked elsewhere; when outputs go, the selection falls back to what held them
  }
}

// After the last output of `area` has come.
export function restoreSelection(area) {
  if (!kept || kept.area !== area || !document.getSelection().isCollapsed) {
    return;
  }
  const nodes = texts(area);
  const start = placeOf(nodes, kept.start, true);
  const end = placeOf(nodes, kept.end, false);
  kept = null;
  if (start && end) {
    document.getSelection().setBaseAndExtent(...start, ...end);
  }
}

export function keepSelections() {
  document.addEventListener('selectionchange', remember);
}
