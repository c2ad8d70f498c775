"""Small random edits of a text that should leave its meaning alone.

Swap, deletion, insertion and synonym replacement are EDA's (Wei and Zou 2019, "Easy Data Augmentation"); there a
share of the words is changed, at least one. A word is what stands between white space; punctuation around it stays
where it is, and so does its case. White space becomes single spaces.

Every edit draws from the generator it is given and from nothing else.
"""

import random
import string
from collections.abc import Mapping, Sequence

PUNCTUATION = string.punctuation + "“”‘’„«»‹›…–—¡¿·、。「」"
KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
# Misspelt shorter words are other words more often than not.
SHORTEST_TYPO = 4


def swap_words(text: str, *, share: float, rng: random.Random) -> str:
    """Exchange pairs of words, as many as `share` of the words.

    >>> swap_words("the film was short, but good", share=0.2, rng=random.Random(0))
    'the film was good but short,'
    """
    words = text.split()
    for _ in range(_count(share, words) if len(words) > 1 else 0):
        i, j = rng.sample(range(len(words)), 2)
        words[i], words[j] = words[j], words[i]
    return " ".join(words)


def delete_words(text: str, *, share: float, rng: random.Random) -> str:
    """Leave out each word with probability `share`, but never all of them.

    >>> delete_words("the film was short, but good", share=0.3, rng=random.Random(1))
    'film was but good'
    """
    words = text.split()
    kept = [word for word in words if rng.random() >= share]
    return " ".join(kept or rng.sample(words, min(1, len(words))))


def insert_words(text: str, *, share: float, rng: random.Random, neighbours: Mapping[str, Sequence[str]]) -> str:
    """Put neighbours of some of its words at random places, as many as `share` of the words.

    >>> insert_words("the film was short", share=0.3, rng=random.Random(0), neighbours={"film": ["movie"]})
    'the film was movie short'
    """
    words = text.split()
    sources = [core for core in map(core_of, words) if core in neighbours]
    for _ in range(_count(share, words) if sources else 0):
        words.insert(rng.randrange(len(words) + 1), rng.choice(neighbours[rng.choice(sources)]))
    return " ".join(words)


def replace_words(text: str, *, share: float, rng: random.Random, neighbours: Mapping[str, Sequence[str]]) -> str:
    """Replace words by neighbours of theirs: `share` of the words, or as many as have neighbours.

    >>> replace_words("A short Film, but good", share=0.2, rng=random.Random(0), neighbours={"film": ["movie"]})
    'A short Movie, but good'
    """
    words = text.split()
    places = [place for place, word in enumerate(words) if core_of(word) in neighbours]
    for place in rng.sample(places, min(len(places), _count(share, words))):
        words[place] = in_place_of(words[place], rng.choice(neighbours[core_of(words[place])]))
    return " ".join(words)


def mistype(text: str, *, share: float, rng: random.Random) -> str:
    """Hit a neighbouring key (QWERTY) once in `share` of the words, among those of four letters and more.

    >>> mistype("the film was short, but good", share=0.2, rng=random.Random(0))
    'the film was shoet, but good'
    """
    words = text.split()
    places = [place for place, word in enumerate(words) if len(core_of(word)) >= SHORTEST_TYPO]
    for place in rng.sample(places, min(len(places), _count(share, words))):
        words[place] = _mistype_word(words[place], rng)
    return " ".join(words)


def core_of(word: str) -> str:
    """The word without punctuation around it, in lower case: how words are looked up.

    >>> core_of("«Don't!»")
    "don't"
    """
    return word.strip(PUNCTUATION).lower()


def in_place_of(word: str, other: str) -> str:
    """`other` with the punctuation and the case of `word`.

    >>> in_place_of("(Good,", "fine"), in_place_of("GOOD!", "fine")
    ('(Fine,', 'FINE!')
    """
    core = word.strip(PUNCTUATION)
    if core.isupper() and len(core) > 1:
        other = other.upper()
    elif core[:1].isupper():
        other = other[:1].upper() + other[1:]
    start = word.find(core)
    return word[:start] + other + word[start + len(core) :]


def _count(share: float, words: Sequence[str]) -> int:
    return max(1, int(share * len(words)))


def _near_keys() -> dict[str, str]:
    """The keys beside, above and below each letter. Each row is set off by half a key."""
    near = {}
    for row, keys in enumerate(KEYBOARD):
        above = KEYBOARD[row - 1] if row else ""
        below = KEYBOARD[row + 1] if row + 1 < len(KEYBOARD) else ""
        for place, key in enumerate(keys):
            beside = keys[max(0, place - 1) : place] + keys[place + 1 : place + 2]
            near[key] = beside + above[place : place + 2] + below[max(0, place - 1) : place + 1]
    return near | {key.upper(): keys.upper() for key, keys in near.items()}


NEAR_KEYS = _near_keys()


def _mistype_word(word: str, rng: random.Random) -> str:
    places = [place for place, letter in enumerate(word) if letter in NEAR_KEYS]
    if not places:
        return word
    place = rng.choice(places)
    return word[:place] + rng.choice(NEAR_KEYS[word[place]]) + word[place + 1 :]
