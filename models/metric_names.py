"""The metrics an evaluation measures; apart from the measuring, so that checking a scenario loads no numpy."""

METRICS = (
    "accuracy",
    "precision_macro",
    "recall_macro",
    "f1_macro",
    "precision_weighted",
    "recall_weighted",
    "f1_weighted",
    "f1_micro",
    "recall_worst_class",
    "f1_worst_class",
    "roc_auc_ovr",
)
"""Names as scikit-learn's scorers. The worst class is the one with the lowest value among those that have rows."""
