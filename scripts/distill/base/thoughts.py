"""How a response marks its thought and its solution: the tags of each style, which data, grading, generation and preflight share.

The styles are those of `thought_style` in config/schema.yaml. think: DeepSeek-R1's chat format, where what follows the thought is the
solution. stratos: Bespoke-Stratos-17k and Sky-T1, which mark the solution too.
"""

THOUGHT = {"think": ("<think>", "</think>"), "stratos": ("<|begin_of_thought|>", "<|end_of_thought|>")}
SOLUTION = {"stratos": ("<|begin_of_solution|>", "<|end_of_solution|>")}


def completion(thought: str, solution: str, style: str) -> str:
    """A response that marks its thought and its solution in a style, as its data sets are published."""
    opening, closing = THOUGHT[style]
    if style == "think":
        return f"{opening}\n{thought}\n{closing}\n\n{solution}"
    begin, end = SOLUTION[style]
    return f"{opening}\n\n{thought}\n\n{closing}\n\n{begin}\n\n{solution}\n\n{end}"
