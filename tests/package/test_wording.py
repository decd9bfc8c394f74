"""Odd phrases do not come back: in messages, help, documents, docstrings and comments."""

import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("src", "tools", "docs", "README.md", "SECURITY.md", "CONTRIBUTING.md")
KINDS = (".py", ".md", ".toml", ".j2", ".js", ".css")

# A phrase to avoid, and what to write instead.
PHRASES = {
    r"(?<!there )\b(?:is|are|was|were) no\b(?! longer| better|$)": "is not a …, must be …",
    r"\b(?:has|have) not\b(?! \w+(?:ed|en)\b)": "does not have",
    r"(?<!cannot )\b(?:tell|tells|told)\b(?! whether)": "report, say, show, return",
    r"\bdear\b": "expensive",
    r"\bwhoever\b": "a caller that, a process that",
    r"\bbeforehand\b": "before",
    r"\bcompany\b": "the other rows",
    r"\bmend(?:s|ed)?\b": "fix",
    r"\bstrange\b|\bstranger": "not supported, not trusted",
    r"\bof (?:ours|theirs)\b": "our, their",
    r"\bas if it were not there\b": "without effect",
    r"\bh(?:old|olds|eld) \w* ?against\b": "compare with",
    r"\bknows? no\b": "does not support, does not know",
    r"\blives? in\b": "is in",
    r"\bgo(?:es)? on\b": "continue, resume",
    r"\bcut short\b": "interrupted, truncated",
    r"\bbut for\b": "except",
    r"parameter of [^:.]*: The \w+ parameter of": "one prefix for an error",
}
ALLOWED = {
    "`told` are": "the name of a parameter",
    "told : set of": "the name of an attribute",
}


def prose_of(name: str, content: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file that people read, with their numbers: of Python not the code."""
    if not name.endswith(".py"):
        yield from enumerate(content.splitlines(), start=1)
        return
    words = {
        tokenize.COMMENT,
        tokenize.STRING,
        getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING),
    }
    for token in tokenize.generate_tokens(io.StringIO(content).readline):
        if token.type in words:
            yield from enumerate(token.string.splitlines(), start=token.start[0])


def odd_lines(name: str, content: str) -> list[str]:
    """Return a complaint for each phrase of a file that is not to be there."""
    return [
        f"{name}:{number}: {found[0]!r}; write {instead!r}"
        for number, line in prose_of(name, content)
        for phrase, instead in PHRASES.items()
        if (found := re.search(phrase, line, re.IGNORECASE))
        and not any(words in line for words in ALLOWED)
    ]


def texts() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *PLACES]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    return [name for name in listed.stdout.splitlines() if name.endswith(KINDS)]


def test_no_odd_phrase_is_left() -> None:
    found = [
        complaint
        for name in texts()
        if (ROOT / name).exists()
        for complaint in odd_lines(name, (ROOT / name).read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.py", 'raise ValueError(f"{path} is no model file")'),
        ("a.py", "x = 1  # what the caller told us"),
        ("a.py", '"""A row\'s result does not depend on its company."""'),
        ("a.py", '"""Two lines.\n\nIt has not the same parameters.\n"""'),
        ("a.py", 'text = "The a parameter of A: The a parameter of B must be 1."'),
        ("a.md", "The current version gets the mend."),
        ("a.md", "Labels are dear, rows are cheap."),
        ("a.js", "// Who lives in scikit-learn goes on to the estimators."),
        ("a.html.j2", "<p>The header is held against the size.</p>"),
    ],
)
def test_a_planted_phrase_is_found(name: str, content: str) -> None:
    assert odd_lines(name, content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.py", "told = stream.tell()  # the position"),
        ("a.md", "There is no checkpoint yet. The lock is no longer held."),
        ("a.md", "10 seeds cannot tell. The files have not changed."),
    ],
)
def test_plain_text_and_code_pass(name: str, content: str) -> None:
    assert not odd_lines(name, content)
