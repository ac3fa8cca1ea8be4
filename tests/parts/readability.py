"""How hard a text is to read: the Flesch-Kincaid grade, and the age at which somebody can read it.

Grade = 0.39 x words per sentence + 11.8 x syllables per word - 15.59 (Kincaid and others, 1975) [common]; a British
reading age is taken as the grade plus 5, so that an age of 12 is a grade of 7 [design]. Syllables are counted by a rule
of thumb: groups of vowels, less a silent e. Numbers and what stands in brackets are not counted.
"""

import re

_BRACKETS = re.compile(r"\([^)]*\)")
_WORD = re.compile(r"[A-Za-z][a-z']*|[A-Z]{2,}")
_SENTENCE = re.compile(r"[.!?:;]+(?:\s|$)")
_VOWELS = re.compile(r"[aeiouy]+")


def syllables(word: str) -> int:
    """Return about how many syllables a word has; an abbreviation has one for each letter."""
    if word.isupper() and len(word) > 1:
        return len(word)
    plain = word.lower().replace("'", "")
    found = len(_VOWELS.findall(plain))
    if plain.endswith("e") and not plain.endswith(("le", "ee", "ye")):
        found -= 1
    if plain.endswith(("es", "ed")) and not plain.endswith(("ted", "ded", "ses", "zes", "ches", "shes", "ges", "les")):
        found -= 1
    return max(found, 1)


def reading_age(text: str) -> float:
    """Return the age at which somebody can read ``text``. Raises ValueError for a text without words."""
    plain = _BRACKETS.sub("", text)
    words = _WORD.findall(plain)
    if not words:
        raise ValueError("there is nothing to read")
    sentences = max(1, len(_SENTENCE.findall(plain)))
    grade = 0.39 * len(words) / sentences + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
    return grade + 5
