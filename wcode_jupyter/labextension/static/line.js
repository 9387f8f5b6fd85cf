// The first line of a `%%wcode` cell, read as the magics read it (request/cell_syntax.py, magics/options.py), and
// changed in place: what is not changed stays as it was typed.

import { faultOf } from './check.js';
import { say, table } from './words.js';

const ROWS = new Map(table.rows.map(row => [row.name, row]));
const CELL = new Map(table.cell.map(option => [option.name, option]));
const KEYWORDS = new Set(table.keywords);

const HEAD = /^\s*%%wcode(?=\s|$)/;
const ANSI = String.raw`\$'(?:[^'\\]|\\[^])*'`;
const WORD = new RegExp(String.raw`(?:${ANSI}|[^\s"'\\]|\\[^]|"(?:[^"\\]|\\[^])*"|'[^']*')+`, 'y');
const SPAN = new RegExp(String.raw`(${ANSI})|"((?:[^"\\]|\\[^])*)"|'([^']*)'|\\([^])|((?:[^"'\\$]|\$(?!'))+)`, 'g');
const ESCAPE = /\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([^]))/g;
const NAMED = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v', e: '\x1b', 0: '\0' };
const TRUTH = /^(?:true|false)$/i;
const TYPOGRAPHIC = /^[—–−－]|[“”„‘’「」『』＂＇]/;
const UNSEEN = /(?! )[\p{C}\p{Z}]/u;

export const dashed = name => `--${name.replaceAll('_', '-')}`;
export const rowOf = name => ROWS.get(name);
export const optionOf = name => CELL.get(name);
export const isPrompt = source => HEAD.test(source.trimStart());

// -- spelling

function unescape(text) {
  return text.replace(ESCAPE, (_, x, u, long, other) => {
    const number = parseInt(x ?? u ?? long, 16);
    return other !== undefined ? NAMED[other] ?? other : number < 0x110000 ? String.fromCodePoint(number) : '\ufffd';
  });
}

export function unquote(word) {
  return word.replace(SPAN, (whole, ansi, double, single, escaped) => {
    if (ansi !== undefined) {
      return unescape(ansi.slice(2, -1));
    }
    return double?.replace(/\\(["\\])/g, '$1') ?? single ?? escaped ?? whole;
  });
}

const escape = text =>
  text.replace(/[^]/gu, character => {
    const number = character.codePointAt(0);
    const named = { '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r' }[character];
    const hex = (digits, letter) => `\\${letter}${number.toString(16).padStart(digits, '0')}`;
    return named ?? (UNSEEN.test(character) ? (number < 0x10000 ? hex(4, 'u') : hex(8, 'U')) : character);
  });

export function quote(text) {
  if (UNSEEN.test(text)) {
    return `$'${escape(text).replaceAll("'", "\\'")}'`;
  }
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}

// -- reading

// Words of `line` as {start, end, text}, up to a comment; `open` is where a quote is never closed, or -1.
export function wordsOf(line) {
  const found = [];
  let at = HEAD.exec(line)?.[0].length ?? 0;
  for (;;) {
    at += /^\s*/.exec(line.slice(at))[0].length;
    if (at >= line.length || line[at] === '#') {
      return { found, open: -1 };
    }
    WORD.lastIndex = at;
    const match = WORD.exec(line);
    const end = match ? at + match[0].length : at;
    if (!match || /^\S/.test(line.slice(end))) {
      return { found, open: at };
    }
    found.push({ start: at, end, text: unquote(match[0]) });
    at = end;
  }
}

class Reader {
  constructor(line) {
    const { found, open } = wordsOf(line);
    this.line = line;
    this.words = found;
    this.next = 0;
    this.entries = []; // {name, form, start, end, head, text, fault}
    this.end = found.at(-1)?.end ?? HEAD.exec(line)?.[0].length ?? 0;
    while (this.next < found.length) {
      const word = found[this.next++];
      this.read(word);
    }
    this.faults = this.entries.filter(entry => entry.fault);
    if (open >= 0) {
      this.faults.push({ start: open, end: line.length, fault: say('A quote is not closed: {text}', { text: line.slice(open) }) });
    }
  }

  read(word) {
    if (!word.text.startsWith('-') || word.text === '-') {
      this.model(word);
      return;
    }
    const equals = word.text.indexOf('=');
    const head = equals < 0 ? word.text : word.text.slice(0, equals);
    const value = equals < 0 ? undefined : word.text.slice(equals + 1);
    const name = table.short[head] ?? head.replace(/^--/, '').replaceAll('-', '_');
    const isLong = head.startsWith('--') || head in table.short;
    const entry = { name, start: word.start, end: word.end, head, form: equals < 0 ? 'option' : 'equals', text: value };
    const positive = name.replace(/^no_/, '');
    if (isLong && CELL.has(name)) {
      this.cell(entry);
    } else if (isLong && ROWS.has(name)) {
      this.row(entry);
    } else if (isLong && positive !== name && ROWS.has(positive) && value === undefined) {
      const isBool = ROWS.get(positive).kind === 'bool';
      this.add({ ...entry, name: positive, form: isBool ? 'flag' : 'omitted', text: isBool ? 'false' : '' });
    } else {
      this.add({ ...entry, form: 'unknown', fault: say('Unknown option {word}', { word: head }) });
    }
  }

  cell(entry) {
    const { arity } = CELL.get(entry.name);
    if (arity === 'flag') {
      const isTold = entry.text !== undefined || TRUTH.test(this.words[this.next]?.text ?? '');
      const fault = isTold ? say('{option} takes no value', { option: dashed(entry.name) }) : '';
      this.add({ ...entry, form: 'flag', text: 'true', fault });
      return;
    }
    this.value(entry);
    if (entry.name === 'param' && entry.text !== undefined) {
      const [, name, text] = /^([^=]*)=([^]*)$/.exec(entry.text) ?? [];
      const known = name?.trim().replace(/^-+/, '').replaceAll('-', '_');
      if (ROWS.has(known)) {
        this.add({ ...entry, name: known, form: 'param', text });
      } else {
        this.add({ ...entry, fault: say('Unknown option {word}', { word: entry.text }) });
      }
    } else if (entry.name === 'without' && entry.text !== undefined) {
      for (const name of entry.text.split(',')) {
        const known = name.trim().replace(/^-+/, '').replaceAll('-', '_');
        const fault = ROWS.has(known) ? '' : say('Unknown option {word}', { word: name });
        this.add({ ...entry, name: known, form: 'omitted', fault });
      }
    } else {
      this.add(entry);
    }
  }

  row(entry) {
    if (ROWS.get(entry.name).kind === 'bool' && entry.text === undefined && !TRUTH.test(this.words[this.next]?.text ?? '')) {
      this.add({ ...entry, form: 'flag', text: 'true' });
      return;
    }
    this.value(entry);
    this.add(entry);
  }

  // Takes the next word as the value, where the option has none of its own.
  value(entry) {
    if (entry.text === undefined) {
      const word = this.words[this.next];
      if (!word) {
        entry.fault = say('{option} needs a value', { option: dashed(entry.name) });
        return;
      }
      this.next++;
      entry.end = word.end;
      entry.text = word.text;
    }
  }

  model(word) {
    const isSecond = this.entries.some(entry => entry.name === 'model');
    const isOdd = TYPOGRAPHIC.test(word.text);
    const fault = isOdd
      ? say('Unexpected word {word}', { word: word.text })
      : isSecond
        ? say('Unexpected word {word}: the model is already {model}', {
            word: word.text,
            model: this.entries.find(entry => entry.name === 'model').text
          })
        : '';
    this.add({ ...word, name: 'model', form: fault ? 'unknown' : 'model', fault });
  }

  add(entry) {
    const row = ROWS.get(entry.name);
    const repeats =
      entry.form !== 'unknown' &&
      !(row && (row.kind === 'strings' || row.name === 'model')) &&
      !['append', 'flag'].includes(CELL.get(entry.name)?.arity) &&
      this.entries.some(other => other.name === entry.name);
    entry.fault ||= repeats ? say('{option} is set twice', { option: dashed(entry.name) }) : '';
    entry.fault ||= entry.form === 'omitted' || entry.text === undefined ? '' : faultIn(entry, row);
    this.entries.push(entry);
  }
}

function faultIn(entry, row) {
  if (entry.text.includes('{{') || entry.form === 'unknown') {
    return ''; // a variable: known when the cell runs
  }
  if (entry.name === 'output') {
    const isName = /^[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*$/u.test(entry.text) && !KEYWORDS.has(entry.text);
    return isName ? '' : say('not a variable name');
  }
  if (entry.name === 'extra_body') {
    return faultOf({ kind: 'object', name: '', range: say('a JSON object'), choices: [] }, entry.text);
  }
  const isFunctions = entry.name === 'tools' && entry.form !== 'param' && !/^\s*[[{]/.test(entry.text);
  return row && !isFunctions ? faultOf(row, entry.text) : '';
}

// `{entries, faults, end}`: what `line` says, what is wrong with it, and where its last word ends.
export const readLine = line => new Reader(line);

// -- changing

function spelled(name, text) {
  if (ROWS.get(name)?.kind === 'bool') {
    return text === 'false' ? `--no-${name.replaceAll('_', '-')}` : dashed(name);
  }
  if (CELL.get(name)?.arity === 'flag') {
    return dashed(name);
  }
  if (name === 'model') {
    return text.startsWith('-') ? `--model=${quote(text)}` : quote(text);
  }
  return `${name === 'output' ? '-o' : dashed(name)} ${quote(text)}`;
}

function rewritten(entry, text) {
  const isPlain = ['flag', 'omitted', 'model'].includes(entry.form) || ROWS.get(entry.name)?.kind === 'bool';
  if (entry.form === 'param') {
    return `${entry.head} ${quote(`${entry.name}=${text}`)}`;
  }
  return isPlain ? spelled(entry.name, text) : `${entry.head}${entry.form === 'equals' ? '=' : ' '}${quote(text)}`;
}

// The change of `line` that sets the `index`-th `name` to `text`; null removes it. As {start, end, text} or null.
export function changeOf(line, name, text, index = 0) {
  const { entries, end } = readLine(line);
  const entry = entries.filter(each => each.name === name && each.form !== 'unknown')[index];
  if (!entry) {
    const at = name === 'model' ? HEAD.exec(line)[0].length : end;
    return text === null ? null : { start: at, end: at, text: ` ${spelled(name, text)}` };
  }
  if (text === null) {
    return { start: entry.start - 1, end: entry.end, text: '' };
  }
  return { start: entry.start, end: entry.end, text: rewritten(entry, text) };
}
