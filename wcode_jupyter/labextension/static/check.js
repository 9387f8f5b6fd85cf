// Whether the text of an option means a value that can be sent: the rules of the package (request/parameters.py), on
// the same table.

import { say, table } from './words.js';

const NUMBER = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)$/;
const INTEGER = /^-?(?:0|[1-9][0-9]*)$/;
const EFFORTS = table.rows.find(row => row.name === 'reasoning').choices;
const FORMATS = ['text', 'json_object', 'json_schema'];

const isObject = value => typeof value === 'object' && value !== null && !Array.isArray(value);

function decoded(text) {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return {};
  }
}

const isWithin = (row, value) =>
  (row.low === null || value >= Number(row.low)) && (row.high === null || value <= Number(row.high));

function float(row, text, { value }) {
  const number = value ?? (NUMBER.test(text) ? Number(text) : NaN);
  return typeof number === 'number' && Number.isFinite(number) && isWithin(row, number) ? '' : expected(row);
}

function integer(row, text, { value }) {
  if (INTEGER.test(text)) {
    const exact = BigInt(text);
    const isLow = row.low !== null && exact < BigInt(row.low);
    return isLow || (row.high !== null && exact > BigInt(row.high)) ? expected(row) : '';
  }
  const number = value ?? (NUMBER.test(text) ? Number(text) : NaN);
  if (typeof number !== 'number' || !Number.isInteger(number) || Math.abs(number) >= 2 ** 53) {
    return say('not a whole number');
  }
  return isWithin(row, number) ? '' : expected(row);
}

function bool(row, text, { value }) {
  return typeof value === 'boolean' || /^(?:true|false)$/i.test(typeof value === 'string' ? value : text) ? '' : expected(row);
}

function object(row, text, { value }) {
  if (row.shorthand && row.choices.includes(value ?? text)) {
    return '';
  }
  return isObject(value) ? RULES[row.name]?.(value) ?? '' : expected(row);
}

function strings(row, text, { value }) {
  if (!Array.isArray(value)) {
    return /^\[[^]*\]$/.test(text) ? say('not valid JSON') : text ? '' : say('no stop sequence');
  }
  if (!value.every(item => typeof item === 'string')) {
    return expected(row);
  }
  return value.some(Boolean) ? '' : say('no stop sequence');
}

function objects(row, text, { value }) {
  if (!Array.isArray(value) || !value.every(isObject)) {
    return expected(row);
  }
  const isNamed = tool => tool.type !== 'function' || typeof tool.function?.name === 'string';
  return value.every(isNamed) ? '' : say('each function tool needs a function with a name');
}

function toolChoice(row, text, { value }) {
  return isObject(value) || row.choices.includes(value ?? text) ? '' : expected(row);
}

const RULES = {
  reasoning: value =>
    'effort' in value && !EFFORTS.includes(value.effort)
      ? say('effort must be one of {choices}', { choices: EFFORTS.join(', ') })
      : '',
  logit_bias: value => {
    for (const [token, bias] of Object.entries(value)) {
      if (!/^[0-9]+$/.test(token)) {
        return say('{token} is not a token id', { token: `'${token}'` });
      }
      if (typeof bias !== 'number' || bias < -100 || bias > 100) {
        return say('the bias of token {token} must be between -100 and 100', { token });
      }
    }
    return '';
  },
  response_format: value => {
    if (!FORMATS.includes(value.type)) {
      return say('type must be one of {choices}', { choices: FORMATS.join(', ') });
    }
    if (value.type !== 'json_schema') {
      return '';
    }
    const { schema, name } = isObject(value.json_schema) ? value.json_schema : {};
    if (!isObject(schema)) {
      return say('json_schema needs a name and a schema');
    }
    const isName = typeof name === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(name);
    return isName ? '' : say('the schema name may have at most 64 letters, digits, _ and -');
  }
};

const KINDS = { float, int: integer, bool, object, strings, objects, tool_choice: toolChoice };

const expected = row => say('expected {range}', { range: say(row.range) });

// Why `text` cannot be sent as the value of `row`; empty when it can.
export function faultOf(row, text) {
  if (row.kind === 'text') {
    return '';
  }
  if (row.kind === 'choice') {
    return row.choices.includes(text) ? '' : expected(row);
  }
  const result = decoded(text);
  const isJson = ['object', 'objects', 'tool_choice'].includes(row.kind) && /^\s*[{[]/.test(text);
  return isJson && !('value' in result) ? say('not valid JSON') : KINDS[row.kind](row, text, result);
}
