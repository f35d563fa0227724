"""How a response marks its thought and its solution: the tags of each style, which data, grading, generation and preflight share.

The styles are those of `thought_style` in config/schema.yaml. think: DeepSeek-R1's chat format, where what follows the thought is the
solution. stratos: Bespoke-Stratos-17k and Sky-T1, which mark the solution too.
"""

import re

THOUGHT = {"think": ("<think>", "</think>"), "stratos": ("<|begin_of_thought|>", "<|end_of_thought|>")}
SOLUTION = {"stratos": ("<|begin_of_solution|>", "<|end_of_solution|>")}

STRATOS = r"<\s*\|\s*{}_of_{}\s*\|\s*>"  # begin or end, of thought or solution; also published with spaces inside
STRATOS_TAG = re.compile(STRATOS.format("(begin|end)", "(thought|solution)"))

# Where a thought opens and closes, as regular expressions, by who writes it so: what grading cuts off.
TAGS = (
    (r"<think>", r"</think>"),  # DeepSeek-R1, Qwen3, QwQ and most others
    (r"<thinking>", r"</thinking>"),
    (r"<thought>", r"</thought>"),  # EXAONE Deep
    (r"<reasoning>", r"</reasoning>"),
    (r"\[THINK\]", r"\[/THINK\]"),  # Magistral
    (r"<seed:think>", r"</seed:think>"),  # Seed-OSS
    (r"◁think▷", r"◁/think▷"),  # Kimi
    (r"<\|channel\|>(?:analysis|commentary)[^<]{0,80}<\|message\|>", r"<\|channel\|>final[^<]{0,80}<\|message\|>"),  # gpt-oss
    (r"\Aanalysis(?=[A-Z\s])", r"assistantfinal"),  # gpt-oss where special tokens were left out
    (STRATOS.format("begin", "thought"), STRATOS.format("end", "thought")),  # Bespoke-Stratos and Sky-T1
)

CLOSED = re.compile("|".join((THOUGHT["think"][1], STRATOS.format("end", "thought"))))  # in a response whose thought stands in its text


def completion(thought: str, solution: str, style: str) -> str:
    """A response that marks its thought and its solution in a style, as its data sets are published."""
    opening, closing = THOUGHT[style]
    if style == "think":
        return f"{opening}\n{thought}\n{closing}\n\n{solution}"
    begin, end = SOLUTION[style]
    return f"{opening}\n\n{thought}\n\n{closing}\n\n{begin}\n\n{solution}\n\n{end}"
