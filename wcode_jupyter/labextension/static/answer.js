// What an answer gains in JupyterLab: a bar with actions, a small bar on each block of code, scrolling by keyboard, and
// words for a screen reader when it begins and ends. Whatever an action does is a cell that one can read.

import { insertBelow } from './cells.js';
import { serveFollowing } from './follow.js';
import { whenSeen } from './seen.js';
import { keepSelections, restoreSelection } from './selection.js';
import { words } from './words.js';

const SHEET = `
.wcode-bar, .wcode-code-bar { display: flex; gap: 4px; justify-content: flex-end; user-select: none }
.wcode-bar { float: inline-end; margin: -2px 0 -4px 12px }
.wcode-answer .wcode-code-bar:not(#w) { height: 0; margin: 0; position: relative; z-index: 1 }
.wcode-code-bar > * { position: relative; top: 5px; right: 5px; height: 22px; box-sizing: border-box }
.wcode-code-bar > span { font-size: 12px; line-height: 20px; padding: 0 6px; color: var(--wcode-quiet);
  background: var(--jp-cell-editor-background) }
.wcode-bar button, .wcode-code-bar button { font: inherit; font-size: 12px; line-height: 18px; padding: 0 7px;
  cursor: pointer; color: var(--jp-ui-font-color1); background: var(--jp-layout-color1);
  border: 1px solid var(--jp-border-color2); border-radius: 3px }
.wcode-code-bar button { opacity: 0; transition: opacity .1s }
.wcode-code-bar:hover button, .wcode-code-bar:has(+ pre:hover) button, .wcode-code-bar:focus-within button { opacity: 1 }
:is(.wcode-bar, .wcode-code-bar) button:hover { background: var(--jp-layout-color2) }
:is(.wcode-bar, .wcode-code-bar) button:focus-visible, .wcode-answer :is(pre, summary):focus-visible, .wcode-table:focus-visible,
.wcode-table summary:focus-visible {
  outline: 2px solid var(--jp-brand-color1); outline-offset: 1px }
.wcode-heard { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
`;

const begun = new WeakSet(); // output areas whose answer was announced

function button(label, title, act) {
  const made = document.createElement('button');
  made.type = 'button';
  made.textContent = label;
  made.title = title;
  made.addEventListener('click', event => {
    event.stopPropagation();
    act(made);
  });
  return made;
}

async function copy(text, made) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    return; // a page that came by plain HTTP has no clipboard: the text can be selected
  }
  const label = made.textContent;
  made.textContent = words.copied;
  setTimeout(() => (made.textContent = label), 1500);
}

// -- cells

const OUTPUT = /\s(?:-o|--output)[\s=](\w+)/;
const CHAT = /\s--chat[\s=](\w[\w.-]*)/;

class Place {
  constructor(app, notebook, cell) {
    Object.assign(this, { app, notebook, cell });
  }

  get source() {
    return this.cell.model.sharedModel.getSource();
  }

  get line() {
    return this.source.trimStart().split('\n', 1)[0];
  }

  get prompt() {
    return this.source.trimStart().split('\n').slice(1).join('\n');
  }

  get chat() {
    return CHAT.exec(this.line)?.[1] ?? '';
  }

  // The text of the answer as the model wrote it.
  get text() {
    const outputs = this.cell.model.outputs;
    for (let i = outputs.length - 1; i >= 0; i--) {
      const { data, metadata } = outputs.get(i);
      if (metadata?.wcode) {
        return String(data['text/plain'] ?? '');
      }
    }
    return '';
  }

  get record() {
    const outputs = this.cell.model.outputs;
    return Array.from({ length: outputs.length }, (_, i) => outputs.get(i).metadata?.wcode).find(Boolean) ?? {};
  }

  insert(source) {
    this.notebook.activeCellIndex = this.notebook.widgets.indexOf(this.cell);
    insertBelow(this.notebook, source);
    this.notebook.scrollToItem(this.notebook.activeCellIndex);
  }

  async again() {
    this.insert(this.source);
    await this.app.commands.execute('notebook:run-cell');
  }

  // A cell that asks for the rest. In a chat the model has the answer; elsewhere the cell holds it, by its variable
  // where it has one.
  goOn() {
    const name = OUTPUT.exec(this.line)?.[1];
    if (this.chat) {
      this.insert(`${this.line}\n${words.goOnInChat}`);
    } else if (name) {
      const [, stem, number] = /^(.*?)(?:_(\d+))?$/.exec(name);
      const line = this.line.replace(OUTPUT, ` -o ${stem}_${Number(number ?? 1) + 1}`);
      this.insert(`${line}\n${this.prompt}\n\n${words.goOn}\n\n{{${name}}}`);
    } else {
      const raw = this.text.includes('{{') ? ' --raw' : '';
      this.insert(`${this.line}${raw}\n${this.prompt}\n\n${words.goOn}\n\n${this.text}`);
    }
  }

  fork() {
    const copy = `${this.chat}-2`;
    this.insert(`%wcode chats fork ${this.chat} ${copy}`);
    insertBelow(this.notebook, `${this.line.replace(CHAT, ` --chat ${copy}`)}\n`);
  }

  compare() {
    const model = this.record.asked ?? '';
    const line = this.line.replace(OUTPUT, '');
    const names = line.includes(model.split('/').pop()) ? '' : ` -m ${model}`;
    this.insert(`${line}${names} -m \n${this.prompt}`);
    this.notebook.mode = 'edit';
    const column = this.line.length;
    this.notebook.activeCell.editor?.setCursorPosition({ line: 0, column: `${line}${names} -m `.length || column });
  }
}

function placeOf(node, app, tracker) {
  const notebook = tracker.currentWidget?.content;
  const cell = notebook?.widgets.find(widget => widget.node.contains(node));
  return cell?.model.type === 'code' ? new Place(app, notebook, cell) : null;
}

// The language of a block of code: that of the fence with the same content in the model's own text.
function languageOf(code, place) {
  const text = place?.text ?? '';
  // Each block looks through the whole text.
  const fences = text.length > 100_000 ? [] : text.matchAll(/^ {0,3}(`{3,}|~{3,})[ \t]*([\w+#.-]{1,20})[^\n]*\n([^]*?)^ {0,3}\1/gm);
  for (const [, , language, content] of fences) {
    if (content.trim() === code.textContent.trim()) {
      return language;
    }
  }
  return '';
}

// -- bars

function addBar(status, app, tracker) {
  const place = placeOf(status, app, tracker);
  if (!place || !place.line.startsWith('%%wcode') || !place.record.asked) {
    return;
  }
  const bar = document.createElement('div');
  bar.className = 'wcode-bar';
  bar.setAttribute('role', 'toolbar');
  bar.setAttribute('aria-label', words.bar);
  bar.append(button(words.copy, words.copyAnswer, made => copy(place.text, made)));
  bar.append(button(words.again, words.againHint, () => place.again()));
  if (place.record.ended === 'length') {
    bar.append(button(words.continue, words.continueHint, () => place.goOn()));
  }
  if (place.chat) {
    bar.append(button(words.fork, words.forkHint, () => place.fork()));
  }
  bar.append(button(words.compare, words.compareHint, () => place.compare()));
  status.prepend(bar);
}

function letScroll(node) {
  if (node.scrollWidth > node.clientWidth) {
    node.tabIndex = 0; // by keyboard too
  }
}

function addCodeBar(pre, app, tracker) {
  letScroll(pre);
  const code = pre.querySelector(':scope > code');
  if (!code || pre.previousElementSibling?.classList.contains('wcode-code-bar')) {
    return;
  }
  const bar = document.createElement('div');
  bar.className = 'wcode-code-bar';
  const language = languageOf(code, placeOf(pre, app, tracker));
  if (language) {
    bar.append(Object.assign(document.createElement('span'), { textContent: language }));
  }
  bar.append(button(words.copy, `${words.copy}: ${words.code}`, made => copy(code.textContent, made)));
  bar.append(
    button(words.insert, words.insertHint, () => placeOf(pre, app, tracker)?.insert(code.textContent.replace(/\n$/, '')))
  );
  pre.before(bar);
}

// -- words for a screen reader

function hear(text) {
  let region = document.querySelector('.wcode-heard');
  if (!region) {
    region = Object.assign(document.createElement('div'), { className: 'wcode-heard' });
    region.setAttribute('role', 'status');
    document.body.append(region);
  }
  region.textContent = text;
}

function tellBegin(line) {
  const area = line.closest('.jp-OutputArea');
  if (area && !begun.has(area)) {
    begun.add(area);
    hear(words.answering);
  }
}

function tellEnd(status) {
  const area = status.closest('.jp-OutputArea');
  if (begun.delete(area)) {
    hear(status.textContent);
  }
  restoreSelection(area);
}

export function serveAnswers(app, tracker) {
  document.head.append(Object.assign(document.createElement('style'), { textContent: SHEET }));
  keepSelections();
  serveFollowing();
  whenSeen('.wcode-waiting, .wcode-live', tellBegin);
  whenSeen('.wcode-status', status => {
    tellEnd(status);
    addBar(status, app, tracker);
  });
  whenSeen('.wcode-table', letScroll);
  whenSeen('.wcode-answer pre', pre => addCodeBar(pre, app, tracker));
}
