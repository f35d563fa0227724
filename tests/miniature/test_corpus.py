"""The base's texts: with the questions of a benchmark among them where a configuration plants them."""

from distill.miniature import benchmarks, corpus


def test_planted_questions_are_among_the_base_s_texts_and_change_no_other():
    texts = list(corpus.texts(1, 50))
    planted = corpus.with_planted(texts, 1, {"gpqa": 4, "math": 5}, {"gpqa": 3})
    assert [text for text in planted if text.sort != "planted"] == texts
    found = [text.assistant for text in planted if text.sort == "planted"]
    assert sorted(found) == sorted([problem.question for problem in benchmarks.problems("gpqa", 1, 4)] * 3)
    assert planted == corpus.with_planted(texts, 1, {"gpqa": 4, "math": 5}, {"gpqa": 3})
    assert corpus.with_planted(texts, 1, {"gpqa": 4}, {}) == texts
