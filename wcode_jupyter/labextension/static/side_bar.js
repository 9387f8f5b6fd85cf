// The side bar: the options of the active `%%wcode` cell as controls. A change of a control changes the cell's line, a
// change of the line moves the controls. The line is the only state, so all works with a busy kernel and with none.

import { Field, make } from './fields.js';
import { changeOf, isPrompt, readLine } from './line.js';
import { SHEET } from './side_style.js';
import { say, table } from './words.js';

const ID = 'wcode-side-bar';
const OPEN = ['Cell', 'Sampling']; // at first

class SideBar {
  // `tracker` tells the active cell, `commands` runs and inserts cells.
  constructor(tracker, commands) {
    this.tracker = tracker;
    this.commands = commands;
    this.cell = null;
    this.line = null;
    this.isShown = false;
    this.fields = [];
    this.groups = Object.entries(table.groups).map(([title, names]) => this.group(title, names));
    this.faults = make('div', { className: 'wcode-side-faults' });
    this.faults.setAttribute('role', 'status');
    const run = make('button', { type: 'button', className: 'wcode-side-run', textContent: say('Run cell'), title: 'Ctrl+Enter' });
    run.addEventListener('click', () => this.run());
    const explain = make('button', { type: 'button', textContent: say('Explain'), title: say('Show the meaning of each parameter') });
    explain.setAttribute('aria-pressed', 'false');
    explain.addEventListener('click', () => explain.setAttribute('aria-pressed', this.node.classList.toggle('wcode-side-helping')));
    const title = make('h2', { textContent: say('wcode cell') });
    this.form = make('fieldset', {}, make('header', {}, title, explain, run), this.faults, ...this.groups.map(group => group.node));
    const insert = make('button', { type: 'button', textContent: say('Insert %%wcode cell') });
    insert.addEventListener('click', () => commands.execute('wcode:insert-cell'));
    const hint = say('Select a %%wcode cell to see and change its options here.');
    this.empty = make('div', { className: 'wcode-side-empty' }, make('p', { textContent: hint }), insert);
    this.node = make('div', { className: 'wcode-side', id: ID }, this.empty, this.form);
    this.node.addEventListener('keydown', event => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && this.line !== null) {
        event.preventDefault();
        this.run();
      }
    });
    this.onSource = (_, change) => {
      if (change.sourceChange) {
        this.refresh();
      }
    };
    tracker.activeCellChanged.connect(() => this.follow());
  }

  group(title, names) {
    const fields = names.map(name => new Field(name, (...change) => this.change(...change)));
    this.fields.push(...fields);
    const count = make('span', { className: 'wcode-side-count' });
    const summary = make('summary', {}, say(title), count);
    const node = make('details', { open: OPEN.includes(title) }, summary, ...fields.map(field => field.node));
    return { node, count, fields };
  }

  show(isShown) {
    this.isShown = isShown;
    this.follow();
  }

  // Nothing is watched while the side bar is not to be seen.
  follow() {
    const cell = this.isShown ? this.tracker.activeCell : null;
    const model = cell?.model?.type === 'code' ? cell.model : null;
    if (model !== this.cell) {
      this.cell?.sharedModel.changed.disconnect(this.onSource);
      this.cell = model;
      this.line = null;
      this.cell?.sharedModel.changed.connect(this.onSource);
    }
    this.refresh();
  }

  refresh() {
    const source = this.cell?.sharedModel.getSource() ?? '';
    const isCell = isPrompt(source);
    this.empty.hidden = isCell;
    this.form.hidden = !isCell;
    this.start = source.length - source.trimStart().length;
    const line = isCell ? source.slice(this.start).split('\n', 1)[0] : null;
    if (line === this.line) {
      return;
    }
    this.line = line;
    if (isCell) {
      this.form.disabled = this.cell.getMetadata('editable') === false;
      this.fill(readLine(line));
    }
  }

  fill({ entries, faults }) {
    const shown = new Set();
    for (const { count, fields } of this.groups) {
      let set = 0;
      for (const field of fields) {
        const own = entries.filter(entry => entry.name === field.name && entry.form !== 'unknown');
        field.show(own);
        own.forEach(entry => shown.add(entry));
        set += own.length > 0;
      }
      count.textContent = set ? say('{n} set', { n: set }) : '';
    }
    const other = faults.find(fault => !shown.has(fault)); // the first, as when the cell runs
    this.faults.replaceChildren(...(other ? [make('div', { textContent: other.fault })] : []));
  }

  change(name, text, index) {
    for (;;) {
      const change = this.line === null ? null : changeOf(this.line, name, text, index);
      if (!change) {
        return;
      }
      this.cell.sharedModel.updateSource(this.start + change.start, this.start + change.end, change.text);
      if (text !== null || index !== undefined) {
        return; // else one after the other is taken away
      }
    }
  }

  run() {
    this.commands.execute('notebook:run-cell');
  }
}

// Puts the side bar to the right and gives its id.
export function openSideBar(app, tracker, restorer, { Widget }, { LabIcon }) {
  document.head.append(make('style', { textContent: SHEET }));
  const bar = new SideBar(tracker, app.commands);
  const widget = new Widget({ node: bar.node });
  widget.id = ID;
  widget.title.icon = new LabIcon({ name: 'wcode:side-bar', svgstr: ICON });
  widget.title.caption = say('wcode cell');
  widget.onAfterShow = () => bar.show(true);
  widget.onAfterHide = () => bar.show(false);
  app.shell.add(widget, 'right', { rank: 900 });
  restorer?.add(widget, ID);
  return ID;
}

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 22 22">
<path class="jp-icon3" fill="#616161" d="M3 4h16v2H3zm0 12h16v2H3zm0-6h16v2H3zM7 2.5h2.5v5H7zm5.500 6H15v5h-2.500zM5 14.500h2.500v5H5z"/></svg>`;
