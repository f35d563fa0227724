"""Pretrain the miniature's base model: one thread, float32, the same bytes for the same arguments on one machine.

From a seed, the tokenizer and the corpus drawn with the seed to a model folder that from_pretrained and vLLM load, and manifest.json.
`texts` is the size of the corpus; `benchmarks` the number of items of each benchmark: an item that occurs in the corpus is an error, but
for those of benchmarks that are `planted` into it ({gpqa: 40}: each question 40 times).

    python scripts/miniature_base.py --tokenizer results/sources/tokenizers/base --output results/sources/models/base --spec \\
        '{"seed": 1, "texts": 26000, "benchmarks": {"aime": 300, "math": 500, "gpqa": 400}}'
"""

from collections import Counter
from pathlib import Path

from distill.base import cli, manifest
from distill.miniature import corpus
from distill.miniature.specs import BASE


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--spec", required=True, type=cli.spec, help="JSON, as above")
    parser.add_argument("--tokenizer", required=True, type=Path, help="folder with the tokenizer")
    parser.add_argument("--output", required=True, type=Path, help="folder to write")
    args = parser.parse_args()

    spec = BASE.read(args.spec)
    planted = spec.get("planted", {})
    texts = list(corpus.texts(spec["seed"], spec["texts"]))
    corpus.check_no_overlap(texts, spec["seed"], spec["benchmarks"])
    texts = corpus.with_planted(texts, spec["seed"], spec["benchmarks"], planted)
    sorts = dict(sorted(Counter(text.sort for text in texts).items()))
    seen = f"each question of {', '.join(planted)} among them" if planted else "none of them a question of a benchmark"
    print(f"corpus: {len(texts)} texts ({sorts}), {seen}", flush=True)

    from distill.miniature.pretrain import PretrainRecipe, pretrain

    pretrain(args.tokenizer, [(text.user, text.assistant) for text in texts], args.output, PretrainRecipe(seed=spec["seed"]))
    manifest.write(args.output, corpus=sorts, benchmark_questions=sorts.get("planted", 0))
    print(f"{args.output}: base model written")


if __name__ == "__main__":
    cli.run(main)
