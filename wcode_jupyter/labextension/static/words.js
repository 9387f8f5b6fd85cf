// Texts of this extension, in the language of JupyterLab.

const ENGLISH = {
  panel: 'wcode: Open panel',
  cell: 'wcode: Insert %%wcode cell',
  copy: 'Copy',
  copied: 'Copied',
  insert: 'Insert cell below',
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
  answering: 'The answer is being written'
};

const CHINESE = {
  panel: 'wcode：打开面板',
  cell: 'wcode：插入 %%wcode 单元格',
  copy: '复制',
  copied: '已复制',
  insert: '在下方插入单元格',
  bar: '回答',
  code: '代码',
  copyAnswer: '复制回答',
  again: '重新发送',
  continue: '继续',
  fork: '复制对话',
  compare: '比较',
  againHint: '在下方运行此单元格的副本',
  continueHint: '插入一个请求回答其余部分的单元格',
  forkHint: '插入一个在对话副本中继续的单元格',
  compareHint: '插入此单元格的副本，同时请求第二个模型',
  goOn: '请从以下回答中断之处继续：',
  answering: '正在生成回答'
};

export const words = Object.assign({}, ENGLISH);

export function speak(languageCode) {
  Object.assign(words, languageCode?.startsWith('zh') ? CHINESE : ENGLISH);
}
