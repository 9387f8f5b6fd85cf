"""Findings: what the statistics say, as a table, a frame, LaTeX and one plain sentence.

Functions take plain sequences, a place for each row and None where there is no value, by the name of the condition
(model, prompt, coder) they belong to. Labels are compared by `statistics.values.label`.

finding        how every result is shown
agreement      between samples, models, prompts or coders
validation     labels against the truth
comparison     conditions on the same rows, pair by pair
estimation     share or mean over all rows, corrected by human labels
calibration    stated probabilities against the truth
spread         variance shares and flips
conflicts      rows on which answers differ
exploration    answers by row and condition, to look around in
"""
