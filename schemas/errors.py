"""The one kind of error that is the user's to mend."""


class UserError(ValueError):
    """Something in the scenario, the data or the machine is not as it must be.

    The message says what came, what was expected and how to fix it; it is shown without a traceback.
    Every other exception is a bug of ours and is shown with its place in the log.
    """


def did_you_mean(name: str, known: list[str]) -> str:
    """A hint to put behind an error about an unknown name, or an empty string.

    >>> did_you_mean("max_lenght", ["max_length", "shards"])
    " Did you mean 'max_length'?"
    >>> did_you_mean("zebra", ["max_length", "shards"])
    ''
    """
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean '{close[0]}'?" if close else ""
