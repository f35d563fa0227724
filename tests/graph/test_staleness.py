"""Two-way right: what changes a result reruns it, what does not change a result does not. The cases are data: staleness.yaml."""

import shutil
from collections import Counter

import matrix
import pytest
import yaml
from checkout import PROJECT

CASES = [pytest.param(case, marks=pytest.mark.slow if case.world == "wider" else (), id=case.name) for case in matrix.cases()]


@pytest.mark.parametrize("case", CASES)
def test_exactly_the_stale_jobs_run(case: matrix.Case, finished_run, tmp_path):
    what = matrix.play(case, finished_run(case.world), tmp_path / "project")
    shutil.rmtree(tmp_path)
    assert set(what.ran) == case.reruns
    assert [set(jobs) for jobs in what.planned] == [change.planned for change in case.changes]
    assert what.left == []
    assert [job for job, times in Counter(what.ran).items() if times > 1] == []


def keys(schema: dict, part: dict, path: str = "") -> dict[str, str]:
    """{key of the schema, as definition/key: scope} of a part of the schema and all below it that is no definition of its own."""
    found = {}
    for key, below in part.get("properties", {}).items():
        place = f"{path}/{key}" if path else key
        if "x-scope" in below and "$ref" not in str(below.get("additionalProperties")):
            found[place] = below["x-scope"]
        found |= keys(schema, below, place)
        if isinstance(below.get("additionalProperties"), dict):
            found |= keys(schema, below["additionalProperties"], place)
    return found


def place_of(path: list[str], schema: dict, part: dict, name: str = "") -> str | None:
    """The key of the schema that a path of the configuration names; None for a mapping with keys of its own."""
    for step in path:
        if "allOf" in part:
            part = part["allOf"][0]
        if "$ref" in part:
            name = part["$ref"].rsplit("/", 1)[1]
            part = schema["$defs"][name]
        if step in part.get("properties", {}):
            name, part = (f"{name}/{step}" if name else step), part["properties"][step]
        elif isinstance(part.get("additionalProperties"), dict):
            part = part["additionalProperties"]
        else:
            return None
        if "x-scope" in part and "$ref" not in str(part.get("additionalProperties")):
            return name
    return None


def leaves(value: object, path: list[str]) -> list[list[str]]:
    if isinstance(value, dict) and value:
        return [leaf for key, below in value.items() for leaf in leaves(below, [*path, str(key)])]
    return [path]


def test_every_key_of_the_configuration_is_in_the_table():
    """A new key needs a row: what must run when it changes, or that nothing must."""
    schema = yaml.safe_load((PROJECT / "config" / "schema.yaml").read_text(encoding="utf-8"))
    known = keys(schema, schema)
    for name, part in schema["$defs"].items():
        known |= keys(schema, part, name)
    changed, harmless = set(), set()
    for path, value, nothing_reruns in matrix.keys_changed():
        for leaf in leaves(value, path.split("/")):
            place = place_of(leaf, schema, schema)
            (harmless if nothing_reruns else changed).add(place)
    told = {"recipe": changed, "runtime": harmless, "label": changed | harmless}
    untested = {place for place, scope in known.items() if place not in told[scope]}
    assert sorted(untested - set(matrix.TABLE["elsewhere"])) == [], "give each a row in tests/graph/staleness.yaml"
    assert sorted(set(matrix.TABLE["elsewhere"]) - untested) == [], "has a row now: take it out of elsewhere"
