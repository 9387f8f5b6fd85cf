// One option of a `%%wcode` line as a control: which one fits is decided by its kind, as in the panel.

import { dashed, optionOf, rowOf } from './line.js';
import { say, table } from './words.js';

const MOST = 200; // models that the list shows at once

export function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children.filter(Boolean));
  return node;
}

// What is being typed stays as it is: the line has it already.
function put(input, text) {
  if (input.value !== text && document.activeElement !== input) {
    input.value = text;
  }
}

const oneLine = text => text.replace(/\s*\n\s*/g, ' ');

// -- controls: `node`; `inputs`, the first of them has the label; `show(texts)`, what the line says, may be empty

class Text {
  constructor(write, { placeholder = '', rows = 0, meant = text => text } = {}) {
    const input = rows ? make('textarea', { rows, placeholder }) : make('input', { type: 'text', placeholder });
    input.spellcheck = false;
    input.addEventListener('input', () => write(meant(input.value) || null));
    this.node = input;
    this.inputs = [input];
  }

  show([text]) {
    put(this.node, text ?? '');
  }
}

class Slider extends Text {
  constructor(write, row) {
    super(write, { placeholder: row.default ?? '' });
    const step = row.kind === 'int' ? 1 : 0.01;
    this.start = row.default ?? row.low;
    this.slider = make('input', { type: 'range', min: row.low, max: row.high, step });
    this.slider.setAttribute('aria-label', say('the slider of {name}', { name: row.name }));
    this.slider.addEventListener('input', () => write(this.slider.value));
    this.inputs[0].inputMode = 'decimal';
    this.node = make('div', { className: 'wcode-side-number' }, this.slider, this.inputs[0]);
    this.inputs.push(this.slider);
  }

  show([text]) {
    put(this.inputs[0], text ?? '');
    this.slider.value = text ?? this.start;
  }
}

class Choice {
  constructor(write, choices, other = null) {
    const option = (value, label) => make('option', { value, textContent: label });
    const menu = make('select', {}, option('', say('not set')), ...choices.map(word => option(word, word)));
    this.choices = choices;
    this.other = other;
    if (other) {
      menu.append(option('{', say('JSON…')));
    }
    menu.addEventListener('change', () => {
      if (menu.value === '{' && other) {
        other.node.hidden = false;
        other.node.focus();
      } else {
        write(menu.value || null);
      }
    });
    this.node = other ? make('div', {}, menu, other.node) : menu;
    this.inputs = other ? [menu, other.node] : [menu];
  }

  show([text]) {
    const isOther = text !== undefined && !this.choices.includes(text.toLowerCase());
    this.inputs[0].value = text === undefined ? '' : isOther ? '{' : text.toLowerCase();
    if (this.other) {
      this.other.node.hidden = !isOther && document.activeElement !== this.other.node;
      this.other.show(isOther ? [text] : []);
    }
  }
}

class Switch {
  constructor(write) {
    this.node = make('input', { type: 'checkbox' });
    this.node.addEventListener('change', () => write(this.node.checked ? 'true' : null));
    this.inputs = [this.node];
  }

  show([text]) {
    this.node.checked = text !== undefined;
  }
}

// A field for each, and one more.
class Several {
  constructor(write, name) {
    this.write = write;
    this.name = name;
    this.node = make('div', { className: 'wcode-side-several' });
    this.inputs = [];
    this.show([]);
  }

  show(texts) {
    const isTyping = this.inputs.includes(document.activeElement);
    while (this.inputs.length <= texts.length) {
      const index = this.inputs.length;
      const input = make('input', { type: 'text', placeholder: say('another {name}', { name: this.name }) });
      input.spellcheck = false;
      input.setAttribute('aria-label', `${this.name} ${index + 1}`);
      input.addEventListener('input', () => this.write(input.value || null, index));
      this.inputs.push(input);
      this.node.append(input);
    }
    while (this.inputs.length > texts.length + 1 && !isTyping) {
      this.inputs.pop().remove();
    }
    this.inputs.forEach((input, index) => put(input, texts[index] ?? ''));
  }
}

class ModelList extends Text {
  constructor(write) {
    super(write, { placeholder: say('model id, or a word to search for') });
    this.list = make('select', { size: 5 });
    this.list.setAttribute('aria-label', say('Models'));
    this.list.addEventListener('change', () => write(this.list.value));
    this.count = make('div', { className: 'wcode-side-hint' });
    this.inputs.push(this.list);
    this.node = make('div', {}, this.inputs[0], this.list, this.count);
  }

  show([text = '']) {
    put(this.inputs[0], text);
    const chosen = table.models.find(({ id }) => id === text || id.split('/').at(-1) === text);
    const words = chosen ? [] : text.toLowerCase().split(/\s+/);
    const found = table.models.filter(({ id, name }) => words.every(word => `${id} ${name}`.toLowerCase().includes(word)));
    if (this.found?.join() !== found.map(model => model.id).join()) {
      this.found = found.map(model => model.id);
      this.list.replaceChildren(...found.slice(0, MOST).map(model => ModelList.option(model)));
      this.list.hidden = !found.length;
      const counted = say('{n} of {total} models', { n: found.length, total: table.models.length });
      this.count.textContent = `${counted} · ${say('¥ / 1000 tokens')}`;
    }
    this.list.value = chosen?.id ?? '';
  }

  static option({ id, name, context, price }) {
    const facts = [context ? `${Math.floor(context / 1000).toLocaleString('en')}k` : '', price ?? ''];
    const textContent = [name ? say(name) : id, ...facts].filter(Boolean).join(' · ');
    return make('option', { value: id, textContent, title: id });
  }
}

function controlOf(name, write) {
  const row = rowOf(name);
  const option = optionOf(name);
  const json = () => new Text(write, { rows: 3, placeholder: '{…}', meant: oneLine });
  if (name === 'model') {
    return new ModelList(write);
  }
  if (option && name !== 'tools') {
    const several = option.arity === 'append';
    return option.arity === 'flag' ? new Switch(write) : several ? new Several(write, name) : new Text(write, { placeholder: option.metavar });
  }
  switch (row.kind) {
    case 'float':
    case 'int': {
      const isBounded = row.low !== null && row.high !== null && typeof row.low !== 'string';
      return isBounded ? new Slider(write, row) : new Text(write, { placeholder: row.default ?? '' });
    }
    case 'bool':
      return new Choice(write, ['true', 'false']);
    case 'choice':
      return new Choice(write, row.choices);
    case 'object':
    case 'tool_choice':
      return row.choices.length ? new Choice(write, row.choices, json()) : json();
    case 'objects':
      return json();
    case 'strings':
      return new Several(write, name);
    default:
      return new Text(write, { rows: name === 'system' ? 2 : 0 });
  }
}

// -- the option with its name, its hint and what is wrong with it

let count = 0;

export class Field {
  // `change(name, text, index)` brings the line up to date; null takes the option away.
  constructor(name, change) {
    const row = rowOf(name) ?? optionOf(name);
    const id = `wcode-side-${count++}`;
    this.name = name;
    this.control = controlOf(name, (text, index) => change(name, text, index));
    this.control.inputs[0].id = id;
    this.clear = make('button', { type: 'button', className: 'wcode-side-clear', textContent: '×', hidden: true });
    this.clear.setAttribute('aria-label', say('Remove {name}', { name }));
    this.clear.title = this.clear.getAttribute('aria-label');
    this.clear.addEventListener('click', () => {
      this.control.inputs[0].focus();
      change(name, null);
    });
    const label = make('label', { htmlFor: id, textContent: name, title: `${dashed(name)}: ${say(row.help)}` });
    const page = row.default ? say('page default {value}', { value: row.default }) : '';
    const range = row.range && row.kind !== 'text' && !row.choices?.length ? say(row.range) : '';
    this.hint = make('div', { className: 'wcode-side-hint', id: `${id}-hint`, textContent: [range, page].filter(Boolean).join(' · ') });
    this.help = make('div', { className: 'wcode-side-help', id: `${id}-help`, textContent: say(row.help) });
    this.fault = make('div', { className: 'wcode-side-fault', id: `${id}-fault` });
    this.control.inputs[0].setAttribute('aria-describedby', `${id}-hint ${id}-help ${id}-fault`);
    const isSwitch = this.control instanceof Switch;
    const head = make('div', { className: 'wcode-side-head' }, isSwitch && this.control.node, label, this.clear);
    this.node = make('div', { className: 'wcode-side-field' }, head, !isSwitch && this.control.node, this.hint, this.help, this.fault);
    this.node.dataset.name = name;
  }

  // `entries`: what the line says of this option.
  show(entries) {
    const isOmitted = entries.some(entry => entry.form === 'omitted');
    const fault = entries.map(entry => entry.fault).find(Boolean) ?? '';
    this.control.show(isOmitted ? [] : entries.map(entry => entry.text ?? ''));
    this.clear.hidden = !entries.length;
    this.node.classList.toggle('wcode-side-set', entries.length > 0);
    this.fault.textContent = fault || (isOmitted ? say('not sent in this cell') : '');
    this.fault.classList.toggle('wcode-side-wrong', Boolean(fault));
    this.control.inputs[0].setAttribute('aria-invalid', String(Boolean(fault)));
  }
}
