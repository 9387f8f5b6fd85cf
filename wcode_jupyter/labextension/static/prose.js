// `%%wcode` cells are coloured and spelled as Markdown, all others in the notebook's own language.

const MARKDOWN = 'text/x-ipythongfm';
const IS_PROMPT = /^\s*%%wcode(?:\s|$)/;

export class Prose {
  constructor(languages) {
    this.languages = languages;
    this.seen = new WeakSet();
  }

  async watch(panel) {
    await panel.context.ready;
    await this.languages.getLanguage(MARKDOWN);
    const cells = panel.content.model?.cells;
    if (!cells) {
      return; // closed meanwhile
    }
    const all = () => {
      for (const cell of cells) {
        this.watchCell(panel.content, cell);
      }
    };
    cells.changed.connect(all);
    all();
  }

  watchCell(notebook, cell) {
    if (cell.type !== 'code' || this.seen.has(cell)) {
      return;
    }
    this.seen.add(cell);
    const colour = () => {
      const isPrompt = IS_PROMPT.test(cell.sharedModel.getSource());
      if (isPrompt || cell.mimeType === MARKDOWN) {
        cell.mimeType = isPrompt ? MARKDOWN : notebook.codeMimetype;
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
