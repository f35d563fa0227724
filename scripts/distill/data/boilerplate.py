"""The words that math questions share: a run of words in common that consists of them says nothing of where a question comes from.

Function words, and the vocabulary of tasks such as "where m and n are relatively prime positive integers", "express your answer as a common
fraction" and "what is the sum of the": words that stand in many questions of MATH and of AIME, read and chosen by hand.
"""

from collections.abc import Sequence

_WORDS = """
a an the this that these those there here of in on at to from by for with without within between among into onto over under above below
and or nor not no but if then else when while where which who whose whom what why how as so than such because since until after before
again also only just both either neither each every all any some many much more most less least few other another same one ones two three
four five six seven eight nine ten is are was were be been being am do does did done has have had having will would can could may might
must shall should let suppose assume given note it its he she they them his her their him we us our you your i me my per about out up down
off first second third last next find compute determine calculate evaluate simplify express expressed write written enter answer answers
solve give expressing convert state show shown prove following form forms expression expressions notation simplest exact exactly decimal
nearest rounded round common fraction fractions mixed percent lowest reduced radical interval ordered pair pairs triple triples tuple
commas separated comma number numbers integer integers whole natural real complex rational irrational positive negative nonnegative
nonzero non-negative non-zero prime primes composite even odd distinct different consecutive digit digits multiple multiples divisor
divisors factor factors divisible divided divides remainder modulo relatively value values sum difference product quotient ratio total
amount maximum minimum largest smallest greatest lesser possible equal equals equivalent exist exists true false unit units times twice
half equation equations system solution solutions root roots function functions defined inverse domain range polynomial polynomials degree
coefficient coefficients constant constants term terms variable variables sequence series arithmetic geometric average mean median satisfy
satisfies satisfying obtained leading point points line lines segment plane graph axis origin coordinates angle angles degrees measure
measures side sides length lengths area perimeter volume distance square squares triangle right circle radius diameter center figure
diagram vertices vertex probability random randomly chosen choose selected select ways way arrange set sets ax bx cx mx ax^2 bx^2 ax^3
"""
COMMON_WORDS = frozenset(_WORDS.split())
# Other words that a run of n words (or n, if that is less) must hold to be evidence.
DISTINCTIVE = 3


def is_evidence(gram: Sequence[str]) -> bool:
    """Whether enough of a run of words is neither common nor a single letter, digit or sign; a Chinese or Japanese character counts."""
    distinctive = sum(word not in COMMON_WORDS and (len(word) > 1 or not word.isascii()) for word in gram)
    return distinctive >= min(DISTINCTIVE, len(gram))
