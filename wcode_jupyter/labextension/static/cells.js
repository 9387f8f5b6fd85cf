// Cells that are put into the notebook: by the two commands, and by the kernel.
//
// A cell from the kernel (the panel's "Insert cell below"): the kernel opens a comm to the target
// `wcode_jupyter:insert` with the data `{source: "...", below: "id of a cell"}`. The cell is inserted, never run, in the
// one notebook whose click the kernel is answering, below that cell or else the active one, and the comm is closed with
// `{inserted: true}`; with `{inserted: false}` when the source is none. Without this extension JupyterLab closes the
// comm with no data. Model output cannot open a comm: only code that runs in the kernel can, and such code may do
// anything already.

const TARGET = 'wcode_jupyter:insert';
const IS_LOADED = /^\s*%(?:re)?load_ext\s+wcode_jupyter\b/m;
const LOAD = '%load_ext wcode_jupyter';

export function insertBelow(notebook, source) {
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

export async function openPanel(app, panel) {
  const notebook = panel.content;
  insertBelow(notebook, loads(notebook) ? '%wcode panel' : `${LOAD}\n%wcode panel`);
  await app.commands.execute('notebook:run-cell');
}

export async function insertPrompt(panel) {
  const notebook = panel.content;
  if (!loads(notebook)) {
    insertBelow(notebook, LOAD);
  }
  insertBelow(notebook, '%%wcode\n');
  await notebook.scrollToItem(notebook.activeCellIndex);
  notebook.mode = 'edit';
  notebook.activeCell.editor?.setCursorPosition({ line: 1, column: 0 });
}

export function acceptCells(panel, kernel) {
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
