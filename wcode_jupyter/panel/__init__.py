"""The panel: controls for those who like them better than options. ipywidgets is imported only here."""
