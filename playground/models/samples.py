"""Texts that the scripted voices draw on: code, prose and things to say about nothing in particular."""

from __future__ import annotations

CODE: dict[str, tuple[str, str]] = {
    "python": (
        "python",
        '''from collections import Counter


def most_common_words(text: str, n: int = 3) -> list[tuple[str, int]]:
    """The n most frequent words, case folded."""
    words = (word.strip(".,;:!?()").casefold() for word in text.split())
    return Counter(filter(None, words)).most_common(n)


print(most_common_words("The cat saw the other cat. The end."))
# [('the', 3), ('cat', 2), ('saw', 1)]''',
    ),
    "javascript": (
        "js",
        """const debounce = (fn, wait = 200) => {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => fn(...args), wait);
  };
};

window.addEventListener("resize", debounce(() => console.log(innerWidth)));""",
    ),
    "sql": (
        "sql",
        """SELECT customer_id, count(*) AS orders, sum(total) AS spent
FROM orders
WHERE placed_at >= date '2026-01-01'
GROUP BY customer_id
HAVING count(*) > 3
ORDER BY spent DESC
LIMIT 10;""",
    ),
    "bash": (
        "bash",
        """#!/usr/bin/env bash
set -euo pipefail

# The ten largest files below a folder.
find "${1:-.}" -type f -printf '%s\\t%p\\n' | sort -rn | head -10 | numfmt --field=1 --to=iec""",
    ),
    "regex": (
        "python",
        """import re

DATE = re.compile(r"(?P<year>\\d{4})-(?P<month>\\d{2})-(?P<day>\\d{2})")

match = DATE.search("released on 2026-11-24")
print(match["year"], match["month"], match["day"])   # 2026 11 24""",
    ),
    "html": (
        "html",
        """<form action="/search" role="search">
  <label for="q">Search</label>
  <input id="q" name="q" type="search" required>
  <button>Go</button>
</form>""",
    ),
}

LANGUAGES = {
    "js": "javascript",
    "javascript": "javascript",
    "typescript": "javascript",
    "node": "javascript",
    "sql": "sql",
    "query": "sql",
    "bash": "bash",
    "shell": "bash",
    "regex": "regex",
    "regexp": "regex",
    "html": "html",
    "css": "html",
    "python": "python",
}

HEADINGS = (
    "Where it begins",
    "What people get wrong",
    "The part that matters",
    "A worked example",
    "What it costs",
    "When to leave it alone",
    "How to start tomorrow",
    "Looking further",
)

SENTENCES = (
    "Most of the difficulty with {topic} is not in the idea but in the order of the steps.",
    "Start with the smallest version of {topic} that somebody can actually use.",
    "A team that writes down why it chose something argues less about {topic} a month later.",
    "It helps to name the one number that would tell you whether {topic} is getting better.",
    "The obvious approach works until the second person arrives, and then *ownership* is the question.",
    "Keep the boring parts boring, so that attention is left for what is really new.",
    "If two people explain {topic} in the same words, it is probably understood.",
    "Measure before and after, and be ready to find that nothing changed.",
    "Small, reversible steps beat a perfect plan, and they are easier to explain.",
    "An example is worth a page of definitions, which is why this text has too few of them.",
    "When in doubt, do the thing that leaves the most options open for **tomorrow**.",
    "Much of what is said about {topic} is true somewhere; the skill is knowing where you stand.",
    "The last tenth takes as long as the rest, so decide early whether you need it.",
    "Good defaults are a form of kindness to people who have not read the manual.",
)
