// JupyterLab and Notebook 7 at home with wcode: `%%wcode` cells are coloured and spelled as Markdown, commands stand
// in the palette, a side bar follows the active cell, the kernel may put a cell below another, and the panel has keys
// and names for a screen reader.
//
// Written by hand, no build step: a module-federation container is an object with `init` and `get`; the modules beside
// this file are loaded by it. Everything here is a convenience; the Python package needs none of it.
'use strict';

(() => {
  const NAME = 'wcode_jupyter';
  const HERE = document.currentScript.src;

  // -- the plugin

  function activate(modules, app, tracker, languages, extensions, palette, translator, restorer) {
    const { Prose, acceptCells, insertPrompt, openPanel, openSideBar, serveAnswers, serveLabels, servePanels } = modules;
    const { goOnAfterMeantErrors, speak, words } = modules;
    speak(translator?.languageCode);
    serveAnswers(app, tracker);
    serveLabels();
    goOnAfterMeantErrors(tracker, modules.NotebookActions);
    servePanels(() => tracker.currentWidget?.sessionContext.session?.kernel?.status === 'busy');
    const prose = new Prose(languages, extensions, modules);
    // A variable may be bound without a cell: by the panel, or an answer in the background.
    tracker.activeCellChanged.connect(() => prose.names.renew(tracker.currentWidget));
    modules.NotebookActions.executed.connect((_, { notebook }) => {
      prose.names.renew(tracker.find(panel => panel.content === notebook));
    });
    const welcome = panel => {
      prose.watch(panel);
      acceptCells(panel, panel.sessionContext.session?.kernel);
      panel.sessionContext.kernelChanged.connect((_, change) => acceptCells(panel, change.newValue));
    };
    tracker.widgetAdded.connect((_, panel) => welcome(panel));
    tracker.forEach(welcome);

    const sideBar = openSideBar(app, tracker, restorer, modules.lumino, modules.components);
    const isEnabled = () => tracker.currentWidget !== null && tracker.currentWidget === app.shell.currentWidget;
    const commands = [
      ['wcode:open-panel', words.panel, () => openPanel(app, tracker.currentWidget), isEnabled],
      ['wcode:insert-cell', words.cell, () => insertPrompt(tracker.currentWidget), isEnabled],
      ['wcode:open-side-bar', words.sideBar, () => app.shell.activateById(sideBar), () => true]
    ];
    for (const [command, label, execute, isEnabled] of commands) {
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
    const files = ['words', 'prose', 'cells', 'panel', 'answer', 'label', 'side_bar', 'lite'];
    const modules = await Promise.all(files.map(name => import(new URL(`${name}.js`, HERE))));
    const [notebook, lab, apputils, translation, application, components] = await Promise.all(
      ['notebook', 'codemirror', 'apputils', 'translation', 'application', 'ui-components'].map(name =>
        load(`@jupyterlab/${name}`)
      )
    );
    const [lumino, view, state, language] = await Promise.all(
      ['@lumino/widgets', '@codemirror/view', '@codemirror/state', '@codemirror/language'].map(load)
    );
    const { NotebookActions } = notebook;
    const others = { NotebookActions, components, lab, language, lumino, state, view };
    const plugin = {
      id: `${NAME}:plugin`,
      description: '%%wcode cells as prompts, a side bar, commands, and what the panel needs of the page.',
      autoStart: true,
      requires: [notebook.INotebookTracker, lab.IEditorLanguageRegistry, lab.IEditorExtensionRegistry],
      optional: [apputils.ICommandPalette, translation.ITranslator, application.ILayoutRestorer],
      activate: (...parts) => activate(Object.assign({}, ...modules, others), ...parts)
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
