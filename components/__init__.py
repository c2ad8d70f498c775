"""The verbs: one file is one function is one step. Folders in, folders out."""
