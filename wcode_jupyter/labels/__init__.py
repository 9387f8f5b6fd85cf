"""Labels that people give to rows: on disk at each press, drawn by known chances, ready for the findings.

mark         one line of a labels file
label_file   the file: appended to, read, never trusted
location     where the file is
rows         which row a label belongs to, also after rows have moved or changed
sample       which rows are labelled, and by what chance
labels       what the coders say: final values, agreement, gold
labelling    one coder at work: press, undo, skip, note, go back
foreign      labels made elsewhere
screen       where the label widget will be
"""
