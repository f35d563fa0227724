"""Bad input ends a script in one line, which a launcher of several processes prints once for all of them."""

import pytest

from distill.base.cli import ERROR_FILE, run
from distill.base.errors import InputError


def end_by_bad_input() -> None:
    raise InputError("a.jsonl: no row; give one")


@pytest.mark.parametrize(("rank", "printed"), [("0", "error: a.jsonl: no row; give one\n"), ("1", "")])
def test_the_first_of_several_processes_prints_the_error(rank, printed, monkeypatch, capsys):
    monkeypatch.setenv("LOCAL_RANK", rank)
    with pytest.raises(SystemExit) as ended:
        run(end_by_bad_input)
    assert (ended.value.code, capsys.readouterr().err) == (2, printed)


def test_below_a_launcher_no_process_prints_the_error_and_the_launcher_can_read_it(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv(ERROR_FILE, str(tmp_path / "error"))
    for rank in "01":
        monkeypatch.setenv("LOCAL_RANK", rank)
        with pytest.raises(SystemExit) as ended:
            run(end_by_bad_input)
        assert (ended.value.code, capsys.readouterr().err) == (2, "")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["a.jsonl: no row; give one"]
