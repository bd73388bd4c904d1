"""The figures of `benchmarks/words.py`, in short: new words are found, and ordinary hours have none."""

import pytest

from benchmarks.words import holds, measure, ordinary, trial


@pytest.mark.parametrize("seed", [31, 32])
def test_six_of_sixty_people_make_a_word_new_and_an_ordinary_story_has_none(seed: int) -> None:
    """Nothing else is called new beside it."""
    posts = ordinary(seed)
    assert trial(posts, seed, 60, 6) == (True, 0)
    assert trial(posts, seed, 60, 0) == (False, 0)


@pytest.mark.proof
def test_the_figures_of_new_words_hold() -> None:
    """Found, not made up by chance, and on the card within 50 ms."""
    assert holds(measure(range(40)))
