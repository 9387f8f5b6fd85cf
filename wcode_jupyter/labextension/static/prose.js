// `%%wcode` cells are coloured and spelled as prompts, all others in the notebook's own language.

import { isPrompt } from './line.js';
import { promptLanguage, referenceMarks } from './prompt.js';

const MARKDOWN = 'text/x-ipythongfm';
const PROMPT = 'text/x-wcode-prompt';

export class Prose {
  // `languages`, `extensions`: JupyterLab's registries; `codemirror`: the modules of the editor.
  constructor(languages, extensions, codemirror) {
    this.languages = languages;
    this.homes = new WeakMap(); // model of a cell -> its notebook
    this.loaded = this.addLanguage(codemirror.language);
    const { extension, names } = referenceMarks(codemirror.view, codemirror.state, model => this.homes.get(model));
    this.names = names;
    extensions.addExtension({
      name: 'wcode_jupyter',
      factory: ({ model }) => codemirror.lab.EditorExtensionRegistry.createImmutableExtension(extension(model))
    });
  }

  async addLanguage(modules) {
    const markdown = await this.languages.getLanguage(MARKDOWN);
    this.languages.addLanguage({ name: 'wcode', mime: PROMPT, support: promptLanguage(markdown.support, modules) });
  }

  async watch(panel) {
    await panel.context.ready;
    await this.loaded;
    const cells = panel.content.model?.cells;
    if (!cells) {
      return; // closed meanwhile
    }
    const all = () => {
      for (const cell of cells) {
        this.watchCell(panel, cell);
      }
    };
    cells.changed.connect(all);
    all();
    const { sessionContext } = panel;
    sessionContext.kernelChanged.connect(() => this.names.renew(panel));
    sessionContext.statusChanged.connect((_, status) => {
      if (status === 'restarting' || status === 'autorestarting') {
        this.names.forget(panel);
      }
    });
    this.names.ask(panel);
  }

  watchCell(panel, cell) {
    if (cell.type !== 'code' || this.homes.has(cell)) {
      return;
    }
    this.homes.set(cell, panel);
    const colour = () => {
      const isOurs = isPrompt(cell.sharedModel.getSource());
      if (isOurs || cell.mimeType === PROMPT) {
        cell.mimeType = isOurs ? PROMPT : panel.content.codeMimetype;
      }
    };
    cell.sharedModel.changed.connect(colour);
    cell.mimeTypeChanged.connect(async () => {
      // The notebook has set its own language, as it does when the kernel tells it. The editor shows the language
      // that was loaded last, not the one that was set last: let it finish before ours is set again.
      await this.languages.getLanguage(cell.mimeType);
      setTimeout(colour);
    });
    colour();
  }
}
