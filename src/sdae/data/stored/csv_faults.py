"""Why a field of a CSV is not a number that rows can have."""

import re

from sdae.core.wording import plain, quoted
from sdae.data.csv_table import MISSING
from sdae.data.table import NotNumbers

_DECIMAL_COMMA = re.compile(
    r"\s*[+-]?(?:[0-9]+(?:[. '][0-9]{3})*)?,[0-9]+(?:[eE][+-]?[0-9]+)?\s*", re.ASCII
)


def no_number(where: str, text: str, *, is_code: bool, is_number: bool) -> NotNumbers:
    """Return the error for a field.

    Parameters
    ----------
    where : str
        The file, the line and the column, for the beginning of the sentence.
    text : str
        The field.
    is_code : bool
        Whether it is a code of digits, such as 007.
    is_number : bool
        Whether it is a number, but one that training cannot use.
    """
    if is_code:
        return NotNumbers(
            f"{where} has the code {quoted(text)}, but rows must be numbers, which lose leading "
            "zeros. Encode the column (pandas.get_dummies makes 0/1 columns), or leave it out with "
            "columns."
        )
    if is_number or text.strip().lower() in MISSING:
        return NotNumbers(
            f"{where} has a value that is missing, infinite or too large for float32. Fill it in, "
            "or drop the row."
        )
    if _DECIMAL_COMMA.fullmatch(text):
        return NotNumbers(
            f"{where} has {quoted(text)}, a number with a decimal comma, which is not read here. "
            "Save the file with decimal points, or train on the CSV itself: sdae train and "
            "sdae.data.open_table read decimal commas."
        )
    return NotNumbers(
        f"{where} has the text {plain(text, 40)!r}, but rows must be numbers. Encode the column "
        "(pandas.get_dummies makes 0/1 columns), leave it out with columns, or make it the target "
        "if it holds the labels."
    )
