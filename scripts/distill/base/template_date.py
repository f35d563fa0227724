"""Chat templates that write today's date (Llama 3.x calls strftime_now) are given one fixed date.

Otherwise the same recipe would give other weights tomorrow with nothing stale, and answers made over midnight would mix two prompts.
"""

import json
import re
from datetime import date

from distill.base.errors import InputError

# What Llama 3.x's own template writes where strftime_now is not defined. Another date: prepare: {today: ..}.
TEMPLATE_DATE = date(2024, 7, 26)
_CALL = re.compile(r"strftime_now\(\s*(?:\"([^\"\\]*)\"|'([^'\\]*)')\s*\)")
_DEFINED = re.compile(r"strftime_now\s+is\s+(not\s+)?defined")


def writes_date(template: str) -> bool:
    """Whether a template writes the date of the day on which it is rendered."""
    return "strftime_now(" in template


def freeze_date(template: str, today: date = TEMPLATE_DATE) -> str:
    """The template with each call of strftime_now replaced by `today` as text.

    Raises InputError where the format is no literal, so that the date cannot be filled in.
    """
    frozen = _CALL.sub(lambda call: json.dumps(today.strftime(call[1] or call[2] or "")), template)
    # A renderer without strftime_now must take the same way through the template as one that has it.
    frozen = _DEFINED.sub(lambda test: "false" if test[1] else "true", frozen)
    if writes_date(frozen):
        raise InputError("chat template: strftime_now is called without a literal format: write a fixed date into it (chat_template:)")
    return frozen
