"""Figures that hold: intervals, agreement, comparisons and corrections as pure functions of plain sequences.

Standard library only; numpy speeds up the bootstrap where it is there and changes no figure. Missing values are None.
What cannot be computed raises InputError with one clear line; what the rows are too few to say is None.

values          when two labels are the same
distributions   normal, binomial, beta and Student t
resampling      bootstrap and jackknife from a fixed seed
intervals       shares and means with intervals; the rule for failed rows
agreement       percent, Cohen's and Fleiss' kappa, Krippendorff's alpha
classification  confusion matrix, accuracy, precision, recall, F1
comparison      paired difference, exact McNemar, Holm, rows needed
correction      share or mean over all rows from model labels and a human sample
calibration     reliability, expected calibration error, Brier score, entropy
variance        variance shares of rows, wordings, models and samples
"""
