"""Which of the languages that share the Latin script a text is in, by its function words.

Function words are a quarter to a third of a running text, whatever it is about; a formula has none. A word that several languages write
alike counts for each of them.
"""

import re
from collections import Counter

# The most frequent function words and forms of verbs of each language, of two letters and more. What is a word of English or a formula
# too ("on", "die", "sin", "du" for a differential) is left out below, or is in the English list as well.
_LISTS = {
    "English": "the of and to is that it for with this be are we have has had but not from which they there can would if what when how "
    "so let need then should since because could does their you these those where just about into only here means think "
    "come met he his was all",
    "French": "le la les des une un est et dans pour que qui sur pas nous vous donc alors mais avec aux cette ces sont être soit où "
    "ainsi comme puisque on peut peux il elle je maintenant deux fait combien faut été ou voyons de en se ce si ont chaque "
    "chacun chacune",
    "German": "der das und ist nicht ein eine einen einer mit für auf von dem den zu wir ich sich auch aber dann wenn sind noch hat "
    "haben wird werden kann muss oder aus bei nach wie viele nur durch gilt damit diese dieser ergibt jetzt es er sie hier "
    "nun daher um als",
    "Spanish": "el la los las un una uno es que y en por con se del pero más como hay entonces tiene ser este esta esto sea así "
    "también ahora donde cuando porque puede tenemos debe lo tanto cuántos cuál su si vamos luego cada hacer de le sus son "
    "he ha fue está para nos ya al ni",
    "Italian": "il gli la le lo un una della che di è sono questo questa quindi allora ma più anche dei delle nel nella se abbiamo "
    "essere può dobbiamo perché quando così ora poi cui quanti quale si ha numero sia tra ogni fare del con in al ne ho "
    "hanno uno ci come all dice",
    "Portuguese": "os um uma é não que em para com por mas então isso são dos das ao na se mais como agora temos ser este esta quando "
    "porque pode deve você quantos qual seja assim tem foi pelo pela há cada fazer vamos de ou seu sua ele ela já nos "
    "também",
    "Dutch": "het een van dat niet op te zijn we voor dus maar ook als aan dan kan moet naar door nu wat hoe deze dit wordt of er "
    "hebben heeft uit bij nog hij zij laten waar hoeveel om geen worden de en is was met in ze je die twee elke",
}
_LANGUAGES_OF: dict[str, frozenset[str]] = {}
for _language, _words in _LISTS.items():
    for _word in _words.split():
        if len(_word) > 1 and _word not in ("sin", "die", "per", "du", "in", "on", "me"):
            _LANGUAGES_OF[_word] = _LANGUAGES_OF.get(_word, frozenset()) | {_language}
_WORD = re.compile(r"(?<![\\\w])[^\W\d_]{2,}(?!\w)")


def _function_words(text: str) -> Counter[frozenset[str]]:
    """How many function words of a text there are of each set of languages."""
    found = (_LANGUAGES_OF.get(word.lower()) for word in _WORD.findall(text))
    return Counter(languages for languages in found if languages)


def language(text: str) -> str | None:
    """The language that has most of a text's function words; None where there is none, or two have as many."""
    counts: Counter[str] = Counter()
    for languages, count in _function_words(text).items():
        counts.update(dict.fromkeys(languages, count))
    (first, most), (_, next_most) = [*counts.most_common(2), ("", 0), ("", 0)][:2]
    return first if most > next_most else None


def other_language(question: str, thought: str) -> float:
    """The share of a thought's function words that the question's language does not have; the language of most of the thought where the
    question does not tell its own."""
    own = language(question) or language(thought)
    counts = _function_words(thought)
    others = sum(count for languages, count in counts.items() if own not in languages)
    return others / counts.total() if own and counts else 0.0
