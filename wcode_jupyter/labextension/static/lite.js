// JupyterLite drops the rest of Run All when a cell fails, also where its tag says that it is meant to. There, and only
// there, the cells that were waiting run after all: a notebook that shows an error runs to its end.

const MEANT = 'raises-exception';

export function goOnAfterMeantErrors(tracker, NotebookActions) {
  if (!document.querySelector('[data-jupyter-lite-root]')) {
    return;
  }
  NotebookActions.executed.connect((_, { notebook, cell, success }) => {
    const index = notebook.widgets.indexOf(cell);
    const isMeant = !success && cell.model.getMetadata('tags')?.includes(MEANT);
    const waits = notebook.widgets.slice(index + 1).some(({ model }) => model.executionState === 'running');
    const panel = tracker.find(panel => panel.content === notebook);
    if (isMeant && waits && panel) {
      notebook.activeCellIndex = index + 1;
      void NotebookActions.runAllBelow(notebook, panel.sessionContext);
    }
  });
}
