"""Chat templates that write today's date (Llama 3.x calls strftime_now) are given one fixed date.

Otherwise the same recipe would give other weights tomorrow with nothing stale, and answers made over midnight would mix two prompts.
"""

import json
import re
from datetime import date

from distill.base.errors import InputError

# What Llama 3.x's own template writes where strftime_now is not defined. Another date: write it into a template file (chat_template:).
TEMPLATE_DATE = date(2024, 7, 26)
_CALL = re.compile(r"strftime_now\(\s*(?:\"([^\"\\]*)\"|'([^'\\]*)')\s*\)")


def freeze_date(template: str) -> str:
    """The template with each call of strftime_now replaced by TEMPLATE_DATE as text.

    Raises InputError where the format is no literal, so that the date cannot be filled in.
    """
    frozen = _CALL.sub(lambda call: json.dumps(TEMPLATE_DATE.strftime(call[1] or call[2] or "")), template)
    if "strftime_now(" in frozen:
        raise InputError("chat template: strftime_now is called without a literal format: write a fixed date into it (chat_template:)")
    return frozen
