"""A configuration file that cannot be read is told in one line: the file, the place in it, what is wrong and how to fix it."""

from pathlib import Path

import pytest

from distill.base.errors import InputError
from distill.base.paths import PROJECT
from distill.config.files import check_files

# content, and what is said behind the file's name
UNREADABLE = [
    ("models:\n\tours: 1\n", r"line 2, column 1: found character '\t' that cannot start any token; indent with spaces, not with tabs"),
    ("title: a: b\n", "line 1, column 9: mapping values are not allowed here; indent the keys of a mapping alike, and put text that holds"),
    ("title: @x\n", "line 1, column 8: found character '@' that cannot start any token; put this text in quotes"),
    ("title: 'x\n", "line 2, column 1: found unexpected end of stream while scanning a quoted scalar from line 1, column 8; add the quote"),
    ("models: {a: 1\n", "line 2, column 1: expected ',' or '}', but got '<stream end>' while parsing a flow mapping from line 1,"),
    ("a: 1\nb\n", "line 3, column 1: could not find expected ':' while scanning a simple key from line 2, column 1; write KEY: VALUE"),
    (
        "a: 1\n---\nb: 1\n",
        "line 2, column 1: but found another document; write one document a file, without ---",
    ),
    ("a: *x\n", "line 1, column 4: found undefined alias 'x'; fix it there"),
    ("a: \x07\n", "unacceptable character #x0007: special characters are not allowed; remove that character"),
    ("- a\n", "holds no keys; write KEY: VALUE, with the keys of config/README.md"),
    ("# all of it is a comment\n", "is empty; write KEY: VALUE"),
    (b"a: 1\ntitle: gr\xfc\xdfe\n", "line 2: not UTF-8; convert it, such as by iconv -f WINDOWS-1252 -t UTF-8 mine.yaml > utf8.yaml"),
]


def said_of(path: Path) -> str:
    with pytest.raises(InputError) as said:
        check_files([PROJECT / "config/config.yaml", path])
    assert "\n" not in str(said.value)
    return str(said.value)


@pytest.mark.parametrize(("content", "said"), UNREADABLE)
def test_a_file_that_cannot_be_read(content, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert said_of(Path("mine.yaml")).startswith(f"mine.yaml: {said}")


def test_a_file_that_does_not_exist(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").touch()
    assert said_of(Path("mine.yml")) == "mine.yml: does not exist; did you mean mine.yaml?"
    assert said_of(Path("config/tutoral.yaml")).endswith(f"did you mean {PROJECT / 'config/tutorial.yaml'}?")
    assert said_of(Path("known.yaml")).endswith("; paths start where the command is given, whatever --directory says")
    Path("configs.yaml").mkdir()
    assert said_of(Path("configs.yaml")) == "configs.yaml: is a folder; name a file in it"
    monkeypatch.chdir(PROJECT)
    assert said_of(Path("tutorial.yaml")) == "tutorial.yaml: does not exist; did you mean config/tutorial.yaml?"


@pytest.mark.parametrize("target", ["preflight", "results/report.md"])
def test_a_target_behind_configfile_which_snakemake_takes_for_a_file_of_it(target, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = f"{target}: is no configuration; write targets before --configfile"
    assert said_of(Path(target)) == said
    Path(target).parent.mkdir(exist_ok=True)
    Path(target).write_text("# Report\n\n**Better**: 1\n", encoding="utf-8")
    assert said_of(Path(target)) == said


@pytest.mark.parametrize("content", ['{\n\t"title": "JSON, with tabs"\n}', "title: YAML\n", "__use_yte__: true\ntitle: ?1 + 1\n"])
def test_what_snakemake_reads_is_let_through(content, tmp_path):
    (tmp_path / "mine.yaml").write_text(content, encoding="utf-8")
    assert check_files([tmp_path / "mine.yaml"]) == [tmp_path / "mine.yaml"]
