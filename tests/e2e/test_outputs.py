"""What a finished run gives to take away: Snakemake's own report with captions, and the bundle."""

import html
import re
import subprocess


def test_snakemakes_report_holds_the_page_and_every_caption(finished, tmp_path):
    here = finished.copy(tmp_path / "project")
    done = here.snakemake("--report", "report.html")
    assert done.returncode == 0, done.stderr[-3000:]
    page = html.unescape((here.folder / "report.html").read_text(encoding="utf-8"))
    shown = ["results/report.html", "results/comparison.csv", "results/differences.csv"]
    shown += [path.relative_to(here.folder).as_posix() for path in here.folder.glob("results/figures/*.png")]
    assert [name for name in shown if f'"{name}"' not in page] == []
    for name in shown:
        caption = (here.folder / "rules/captions" / re.sub(r".*/(\w+)\.\w+$", r"\1.rst", name)).read_text(encoding="utf-8")
        assert caption.split("\n")[0].replace("``", "")[:40] in page, name


def test_a_bundle_of_the_run_comes_out_again(finished, tmp_path):
    here = finished.copy(tmp_path / "project")
    assert here.jobs("--cores", "1", "results/bundle.zip") == ["bundle"]
    command = [here.python, "scripts/bundle.py", "--check", "results/bundle.zip"]
    checked = subprocess.run(command, cwd=here.folder, capture_output=True, text=True, timeout=120, check=False)
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout
