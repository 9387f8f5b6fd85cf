// JupyterLab and Notebook 7 at home with wcode: `%%wcode` cells are coloured and spelled as Markdown, two commands stand
// in the palette, the kernel may put a cell below another, and the panel's code has a Copy button.
//
// Written by hand, no build step: a module-federation container is an object with `init` and `get`. Everything here is
// a convenience; the Python package needs none of it.
//
// A cell from the kernel (the panel's "Insert cell below"): the kernel opens a comm to the target
// `wcode_jupyter:insert` with the data `{source: "...", below: "id of a cell"}`. The cell is inserted, never run, in the
// one notebook whose click the kernel is answering, below that cell or else the active one, and the comm is closed with
// `{inserted: true}`; with `{inserted: false}` when the source is none. Without this extension JupyterLab closes the
// comm with no data. Model output cannot open a comm: only code that runs in the kernel can, and such code may do
// anything already.
'use strict';

(() => {
  const NAME = 'wcode_jupyter';
  const TARGET = 'wcode_jupyter:insert';
  const MARKDOWN = 'text/x-ipythongfm';
  const IS_PROMPT = /^\s*%%wcode(?:\s|$)/;
  const IS_LOADED = /^\s*%(?:re)?load_ext\s+wcode_jupyter\b/m;
  const LOAD = '%load_ext wcode_jupyter';

  const ENGLISH = { panel: 'wcode: Open panel', cell: 'wcode: Insert %%wcode cell' };
  const CHINESE = { panel: 'wcode：打开面板', cell: 'wcode：插入 %%wcode 单元格' };

  // -- cells as prose

  class Prose {
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

  // -- cells below

  function insertBelow(notebook, source) {
    const index = notebook.activeCellIndex + 1;
    notebook.model.sharedModel.insertCell(index, { cell_type: 'code', source, metadata: { trusted: true } });
    notebook.activeCellIndex = index;
    notebook.deselectAll();
  }

  function loads(notebook) {
    return Array.from(notebook.model.cells).some(
      cell => cell.type === 'code' && IS_LOADED.test(cell.sharedModel.getSource())
    );
  }

  async function openPanel(app, panel) {
    const notebook = panel.content;
    insertBelow(notebook, loads(notebook) ? '%wcode panel' : `${LOAD}\n%wcode panel`);
    await app.commands.execute('notebook:run-cell');
  }

  async function insertPrompt(panel) {
    const notebook = panel.content;
    if (!loads(notebook)) {
      insertBelow(notebook, LOAD);
    }
    insertBelow(notebook, '%%wcode\n');
    await notebook.scrollToItem(notebook.activeCellIndex);
    notebook.mode = 'edit';
    notebook.activeCell.editor?.setCursorPosition({ line: 1, column: 0 });
  }

  function acceptCells(panel, kernel) {
    kernel?.registerCommTarget(TARGET, (comm, message) => {
      const asker = message.parent_header.session;
      if (asker && asker !== kernel.clientId) {
        comm.dispose(); // another page on the same kernel asked
        return;
      }
      const { source, below } = message.content.data;
      const notebook = panel.content;
      const inserted = typeof source === 'string';
      if (inserted) {
        const index = notebook.widgets.findIndex(cell => cell.model.id === below);
        if (index >= 0) {
          notebook.activeCellIndex = index;
        }
        insertBelow(notebook, source);
        notebook.scrollToItem(notebook.activeCellIndex);
      }
      comm.close({ inserted });
    });
  }

  // -- the panel's code

  async function copyCode(event) {
    const button = event.target.closest('.wcode-panel .wcode-copy');
    const box = button?.closest('.wcode-section').querySelector('.wcode-code textarea');
    if (!box) {
      return;
    }
    try {
      await navigator.clipboard.writeText(box.value);
    } catch {
      // A page that came by plain HTTP has no clipboard of its own.
      box.select();
      if (!document.execCommand('copy')) {
        return; // what is selected can be copied by hand
      }
    }
    button.classList.add('wcode-copied');
    setTimeout(() => button.classList.remove('wcode-copied'), 1500);
  }

  function offerCopies() {
    document.addEventListener('click', copyCode);
    document.body.classList.add('wcode-at-home'); // shows the buttons
  }

  // -- the plugin

  function activate(app, tracker, languages, palette, translator) {
    offerCopies();
    const prose = new Prose(languages);
    const welcome = panel => {
      prose.watch(panel);
      acceptCells(panel, panel.sessionContext.session?.kernel);
      panel.sessionContext.kernelChanged.connect((_, change) => acceptCells(panel, change.newValue));
    };
    tracker.widgetAdded.connect((_, panel) => welcome(panel));
    tracker.forEach(welcome);

    const labels = translator?.languageCode?.startsWith('zh') ? CHINESE : ENGLISH;
    const isEnabled = () => tracker.currentWidget !== null && tracker.currentWidget === app.shell.currentWidget;
    const commands = [
      ['wcode:open-panel', labels.panel, () => openPanel(app, tracker.currentWidget)],
      ['wcode:insert-cell', labels.cell, () => insertPrompt(tracker.currentWidget)]
    ];
    for (const [command, label, execute] of commands) {
      app.commands.addCommand(command, { label, execute, isEnabled });
      palette?.addItem({ command, category: 'wcode' });
    }
  }

  // -- the container: `init` receives the modules of the application, `get` gives the plugin

  let shared;

  async function load(name) {
    const versions = Object.values(shared[name]);
    const version = versions.find(candidate => candidate.loaded) ?? versions[0];
    return (await version.get())();
  }

  async function extension() {
    const [notebook, codemirror, apputils, translation] = await Promise.all(
      ['notebook', 'codemirror', 'apputils', 'translation'].map(name => load(`@jupyterlab/${name}`))
    );
    const plugin = {
      id: `${NAME}:plugin`,
      description: '%%wcode cells as prose, two commands, and what the panel needs of the page.',
      autoStart: true,
      requires: [notebook.INotebookTracker, codemirror.IEditorLanguageRegistry],
      optional: [apputils.ICommandPalette, translation.ITranslator],
      activate
    };
    return () => ({ __esModule: true, default: plugin });
  }

  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB[NAME] = {
    init: scope => {
      shared = scope;
    },
    get: extension
  };
})();
