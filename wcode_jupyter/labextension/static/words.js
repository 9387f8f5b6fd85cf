// Texts and tables of this extension. Both come from the package (`table.json`, written by `python -m tests.test_docs`):
// a text is its English, and is shown in the language of JupyterLab.

const answer = await fetch(new URL('table.json', import.meta.url));

// `groups`, `rows`, `cell`, `short`, `models`: what the magics know; a language: English text -> its translation.
export const table = await answer.json();

let translations = {};

// `text` in the language in force, with its `{names}` filled in.
export function say(text, values = {}) {
  return (translations[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

const ENGLISH = {
  panel: 'wcode: Open panel',
  sideBar: 'wcode: Open side bar',
  cell: 'wcode: Insert %%wcode cell',
  copy: 'Copy',
  copied: 'Copied',
  insert: 'Insert cell below',
  insertHint: 'Insert this code as a cell below',
  bar: 'Answer',
  code: 'Code',
  copyAnswer: 'Copy answer',
  again: 'Ask again',
  continue: 'Continue',
  fork: 'Fork chat',
  compare: 'Compare',
  againHint: 'Run a copy of this cell below',
  continueHint: 'Insert a cell that asks for the rest of the answer',
  forkHint: 'Insert a cell that continues a copy of the chat',
  compareHint: 'Insert a copy of this cell that asks a second model',
  goOn: 'Continue exactly where this answer stops:',
  goOnInChat: 'Continue exactly where your answer stopped.',
  follow: 'Follow',
  followHint: 'Scroll along until you scroll away',
  answering: 'The answer is being written'
};

export const words = Object.assign({}, ENGLISH);

export function speak(languageCode) {
  translations = languageCode?.startsWith('zh') ? table.zh_CN : {};
  for (const [name, text] of Object.entries(ENGLISH)) {
    words[name] = say(text);
  }
}
