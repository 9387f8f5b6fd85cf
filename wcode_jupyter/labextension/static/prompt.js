// How the editor shows a `%%wcode` cell: the first line as options, the rest as Markdown, and each `{{name}}` as a
// reference, green when the kernel has a variable of that name and red when it has none.

import { isPrompt, readLine } from './line.js';
import { say, table } from './words.js';

const REFERENCE = /(?<!\{)(\{{2,})[ \t]*([\p{L}_][\p{L}\p{M}\p{N}_]*)[ \t]*(\}{2,})/gu;
const KEYWORDS = new Set(table.keywords);

const SHEET = `
.wcode-cm-magic { color: var(--jp-mirror-editor-meta-color) }
.wcode-cm-model { color: var(--jp-mirror-editor-string-color) }
.wcode-cm-option { color: var(--jp-mirror-editor-attribute-color) }
.wcode-cm-comment { color: var(--jp-mirror-editor-comment-color); font-style: italic }
.wcode-cm-fault { text-decoration: underline wavy var(--jp-error-color1); text-underline-offset: 3px }
.wcode-cm-name { border-radius: 3px; box-shadow: 0 0 0 1px var(--jp-border-color1) }
.wcode-cm-known { background: color-mix(in srgb, var(--jp-success-color1) 22%, transparent);
  box-shadow: 0 0 0 1px var(--jp-success-color1) }
.wcode-cm-missing { background: color-mix(in srgb, var(--jp-error-color1) 22%, transparent);
  box-shadow: 0 0 0 1px var(--jp-error-color1); text-decoration: underline wavy var(--jp-error-color1) }
`;

// The language of prompts: JupyterLab's Markdown, in which the first line belongs to nothing.
export function promptLanguage(markdown, { Language, LanguageSupport }) {
  const { language, support } = markdown;
  const parser = language.parser.configure({
    defineNodes: [{ name: 'WcodeLine', block: true }],
    parseBlock: [
      {
        name: 'WcodeLine',
        before: 'IndentedCode',
        parse(context, line) {
          if (!isPrompt(line.text)) {
            return false;
          }
          context.addElement(context.elt('WcodeLine', context.lineStart, context.lineStart + line.text.length));
          context.nextLine();
          return true;
        }
      }
    ]
  });
  return new LanguageSupport(new Language(language.data, parser, [], 'markdown'), support);
}

// -- what stands where, as {from, to, kind, title, name}

function optionMarks(line, start) {
  const { entries, faults, end } = readLine(line);
  const head = /^\s*/.exec(line)[0].length;
  const marks = [{ from: head, to: head + '%%wcode'.length, kind: 'magic' }];
  for (const entry of entries) {
    const isModel = entry.form === 'model';
    const to = isModel ? entry.end : entry.start + (entry.head ?? '').length;
    if (to > entry.start) {
      marks.push({ from: entry.start, to, kind: isModel ? 'model' : 'option' });
    }
  }
  marks.push(...faults.map(fault => ({ from: fault.start, to: fault.end, kind: 'fault', title: fault.fault })));
  const comment = line.indexOf('#', end);
  if (comment >= 0 && !faults.some(fault => fault.end > comment)) {
    marks.push({ from: comment, to: line.length, kind: 'comment' });
  }
  return marks.map(mark => ({ ...mark, from: start + mark.from, to: start + mark.to }));
}

const canBeVariable = name => !KEYWORDS.has(name) && !/^__.*__$/.test(name);

// `{marks, names}` of a cell; `each`: the rows whose columns its names may be.
function marksOf(source) {
  if (!isPrompt(source)) {
    return { marks: [], names: [], each: '' };
  }
  const start = source.length - source.trimStart().length;
  const line = source.slice(start).split('\n', 1)[0];
  const { entries } = readLine(line);
  const each = entries.find(entry => entry.name === 'each')?.text ?? '';
  const found = entries.some(entry => entry.name === 'raw') ? [] : [...source.matchAll(REFERENCE)];
  const references = found
    .filter(([, opening, name, closing]) => opening.length === 2 && closing.length === 2 && canBeVariable(name))
    .map(match => ({ from: match.index, to: match.index + match[0].length, kind: 'name', name: match[2] }));
  return { marks: [...optionMarks(line, start), ...references], names: references.map(({ name }) => name), each };
}

// -- what the kernel knows of the names

class Names {
  constructor() {
    this.views = new Set(); // {panel, names, each, redraw}
    this.known = new WeakMap(); // kernel -> Map of `each` and name -> what the kernel says; empty: not defined
    this.asking = new WeakSet();
    this.stale = new WeakSet();
  }

  static key = (each, name) => `${each} ${name}`;

  of(kernel) {
    if (!this.known.has(kernel)) {
      this.known.set(kernel, new Map());
    }
    return this.known.get(kernel);
  }

  // What the kernel says of `name`; undefined as long as it has not answered.
  get(view, name) {
    const kernel = view.panel()?.sessionContext.session?.kernel;
    return kernel && this.of(kernel).get(Names.key(view.each, name));
  }

  // Asks for what is not known yet. One round at a time: the requests wait where the kernel is busy.
  async ask(panel) {
    const kernel = panel?.sessionContext.session?.kernel;
    if (!kernel || this.asking.has(kernel)) {
      return;
    }
    const known = this.of(kernel);
    const views = [...this.views].filter(view => view.panel() === panel);
    const wanted = new Map(
      views.flatMap(({ each, names }) => names.map(name => [Names.key(each, name), { each, name }]))
    );
    const missing = [...wanted].filter(([key]) => !known.has(key));
    if (!missing.length) {
      return;
    }
    this.asking.add(kernel);
    try {
      await Promise.all(missing.map(async ([key, { each, name }]) => known.set(key, await inspected(kernel, each, name))));
    } catch {
      // The kernel was restarted or has ended: it is asked again after the next cell.
    }
    this.asking.delete(kernel);
    if (this.stale.delete(kernel)) {
      known.clear();
      this.ask(panel);
    } else {
      views.forEach(view => view.redraw());
    }
  }

  // Cells have run: variables may have changed. What was known stays in sight until the kernel has answered.
  renew(panel) {
    const kernel = panel?.sessionContext.session?.kernel;
    if (kernel && this.asking.has(kernel)) {
      this.stale.add(kernel);
    } else if (kernel) {
      this.known.delete(kernel);
      this.ask(panel);
    }
  }

  forget(panel) {
    const kernel = panel.sessionContext.session?.kernel;
    this.known.delete(kernel);
    [...this.views].filter(view => view.panel() === panel).forEach(view => view.redraw());
  }
}

async function inspected(kernel, each, name) {
  const head = `%%wcode${each ? ` --each ${each}` : ''}\n`;
  const reply = await kernel.requestInspect({ code: `${head}{{${name}}}`, cursor_pos: head.length + 2 + name.length, detail_level: 0 });
  const { found, data } = reply.content;
  return found ? String(data['text/plain'] ?? name).replace(/\x1b\[[0-9;]*m/g, '').slice(0, 400) : '';
}

// -- the editor's part

// An extension for editors; `panelOf(model)` is the notebook that shows a cell. Gives {extension, names}.
export function referenceMarks({ Decoration, ViewPlugin }, { StateEffect }, panelOf) {
  document.head.append(Object.assign(document.createElement('style'), { textContent: SHEET }));
  const names = new Names();
  const redraw = StateEffect.define();

  const decoration = (view, mark) => {
    const told = mark.name && names.get(view, mark.name);
    const state = told === undefined ? '' : told ? ' wcode-cm-known' : ' wcode-cm-missing';
    const title = mark.title ?? (told === '' ? say('{name} is not defined', mark) : told);
    return Decoration.mark({
      class: `wcode-cm-${mark.kind}${mark.name ? state : ''}`,
      attributes: title ? { title } : {}
    }).range(mark.from, mark.to);
  };

  const extension = model =>
    ViewPlugin.fromClass(
      class {
        constructor(view) {
          this.view = view;
          this.panel = () => panelOf(model);
          this.redraw = () => view.dispatch({ effects: redraw.of(null) });
          names.views.add(this);
          this.read();
        }

        read() {
          Object.assign(this, marksOf(this.view.state.doc.toString()));
          this.draw();
          names.ask(this.panel());
        }

        draw() {
          const marks = this.marks.filter(mark => mark.to > mark.from);
          this.decorations = Decoration.set(marks.map(mark => decoration(this, mark)), true);
        }

        update(update) {
          if (update.docChanged) {
            this.read();
          } else if (update.transactions.some(({ effects }) => effects.some(effect => effect.is(redraw)))) {
            this.draw();
          }
        }

        destroy() {
          names.views.delete(this);
        }
      },
      { decorations: plugin => plugin.decorations }
    );
  return { extension, names };
}
