"""Rows that teach nothing stop a run before its training, unless the configuration says that they are meant."""

import pytest
from checkout import checkout

AUDIT = "results/data/mini_stratos/audit.json"
CUT = {"models": {"ours": {"train": {"max_length": 100}}}}
MEANT = {"datasets": {"mini_stratos": {"audit": {"stop_above": {"lose_eos": 1, "lose_boxed_answer": 1}}}}}


@pytest.fixture(scope="module")
def here(tmp_path_factory, warm_python):
    return checkout("tiny", tmp_path_factory.mktemp("vain") / "project", warm_python)


def test_a_length_that_cuts_every_answer_off_stops_before_training_and_a_key_lets_it_pass_with_a_warning(here):
    stopped = here.snakemake("--cores", "2", AUDIT, config=CUT)
    said = stopped.stdout + stopped.stderr
    assert stopped.returncode != 0
    assert "lose_boxed_answer: 100.0% (stop_above: 1.0%)" in said and "lose_eos: 100.0% (stop_above: 1.0%)" in said
    passed = here.snakemake("--cores", "2", AUDIT, config={**CUT, **MEANT})
    assert passed.returncode == 0, passed.stderr[-2000:]
    lines = (passed.stdout + passed.stderr).splitlines()
    warnings = [line for line in lines if line.startswith("warning: ")]
    assert any("lose_boxed_answer: 100.0% of rows lose their boxed answer" in line for line in warnings)

    judged = here.snakemake("--cores", "1", "preflight", config={**CUT, **MEANT})
    assert "warning  train ours: lose_boxed_answer: 100.0% of rows lose" in judged.stdout + judged.stderr
    assert "Nothing to say against it." not in judged.stdout + judged.stderr
