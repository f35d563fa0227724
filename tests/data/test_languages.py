"""The language of a text in Latin script is told by its function words."""

import os
from pathlib import Path

import pytest

from distill.base.tables import read_rows
from distill.data.languages import language, other_language

# The same thought in each language.
THOUGHTS = {
    "English": "Okay, so we need to find how many balls he has now. At first he has 5 balls, then he buys two cans, and there are "
    "three balls in each can. That means six balls in the cans, and the total is eleven. Let me check: if we take the six "
    "balls away, five are left.",
    "French": "Bon, nous devons trouver combien de balles il a maintenant. Au début il a 5 balles, puis il achète deux boîtes, et il "
    "y a trois balles dans chaque boîte. Cela fait donc six balles dans les boîtes, et le total est onze. Si on enlève les "
    "six balles, il en reste cinq.",
    "German": "Gut, wir müssen also finden, wie viele Bälle er jetzt hat. Am Anfang hat er 5 Bälle, dann kauft er zwei Dosen, und in "
    "jeder Dose sind drei Bälle. Das sind sechs Bälle in den Dosen, und die Summe ist elf. Wenn wir die sechs Bälle "
    "wegnehmen, bleiben fünf.",
    "Spanish": "Bueno, tenemos que encontrar cuántas pelotas tiene ahora. Al principio tiene 5 pelotas, luego compra dos latas y en "
    "cada lata hay tres pelotas. Entonces son seis pelotas en las latas y el total es once. Si quitamos las seis pelotas, "
    "quedan cinco.",
    "Italian": "Allora, dobbiamo trovare il numero di palline che ha adesso. All'inizio ne ha 5, poi compra due scatole e in ogni "
    "scatola ci sono tre palline. Quindi le palline nelle scatole sono sei e il totale è undici. Se togliamo le sei "
    "palline, ne restano cinque.",
    "Portuguese": "Então, precisamos saber quantas bolas ele tem agora. No começo ele tem 5 bolas, depois compra duas latas e em cada "
    "lata há três bolas. Isso dá seis bolas nas latas, e o total é onze. Vamos verificar: se tiramos as seis bolas, ficam "
    "cinco, porque não há mais bolas.",
    "Dutch": "Dus we moeten weten hoeveel ballen hij nu heeft. In het begin heeft hij 5 ballen, daarna koopt hij twee blikken en in "
    "elk blik zitten drie ballen. Dat zijn zes ballen in de blikken, en het totaal is elf. Als we de zes ballen weghalen, "
    "blijven er vijf over.",
}
QUESTIONS = {
    "English": "How many balls does he have now?",
    "French": "Combien de balles a-t-il maintenant ?",
    "German": "Wie viele Bälle hat er jetzt?",
    "Spanish": "¿Cuántas pelotas tiene ahora?",
    "Italian": "Quante palline ha adesso nella scatola?",
    "Portuguese": "Quantas bolas ele tem agora?",
    "Dutch": "Hoeveel ballen heeft hij nu?",
}


@pytest.mark.parametrize("name", THOUGHTS)
def test_a_language_is_told_from_the_others(name):
    assert language(THOUGHTS[name]) == name
    shares = {asked: other_language(question, THOUGHTS[name]) for asked, question in QUESTIONS.items()}
    assert shares.pop(name) <= 0.06
    assert min(shares.values()) >= 0.3


@pytest.mark.parametrize("name", [name for name in THOUGHTS if name != "English"])
def test_a_thought_that_goes_on_in_another_language_is_found(name):
    assert other_language(QUESTIONS["English"], THOUGHTS["English"] + THOUGHTS[name]) >= 0.2


@pytest.mark.parametrize(
    "text",
    ["", "x = 3", "\\sin x \\cdot du / \\frac{di}{de}", "Evaluate $\\log_2 64$.", "这是什么?", "12 per 4", "sin(x) + cos(x)", "Die, die!"],
)
def test_formulas_and_other_scripts_tell_nothing(text):
    assert language(text) is None and other_language(text, text) == 0


def test_where_the_question_tells_nothing_most_of_the_thought_does():
    assert other_language("$3 + 4$", THOUGHTS["German"]) <= 0.05
    assert other_language("$3 + 4$", THOUGHTS["German"] + THOUGHTS["English"]) >= 0.2


REAL = os.environ.get("DISTILL_REAL_DATA")


@pytest.mark.skipif(not REAL, reason="DISTILL_REAL_DATA is not set")
def test_real_english_is_english():
    """GSM8K's training questions, of which some 8 have no function word to speak of, and 765 thoughts."""
    asked = [language(row["question"]) for row in read_rows(Path(str(REAL)) / "gsm8k/train.jsonl")]
    assert set(asked) <= {"English", None} and asked.count(None) <= 10
    rows = list(read_rows(Path(str(REAL)) / "traces/math_765_r1distill_qwen3.jsonl"))
    assert max(other_language(row["question"], row["trace"]) for row in rows) < 0.06
