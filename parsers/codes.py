"""Every issue a row can have: its code, how much it matters, and the words that tell a person."""

from typing import NamedTuple

from jobs.issues import Issue, Severity

MAX_VALUE = 200  # characters of a wrong value that an issue quotes
MAX_QTY = 1_000_000  # pieces in one row; more is a slip of the keyboard


class Code(NamedTuple):
    """What stands in an issue of one code."""

    severity: Severity
    message: str
    expected: str | None = None


_E, _W, _I = Severity.ERROR, Severity.WARNING, Severity.INFO
_COLOR = "a color number, 0 or more"
_QTY = f"a whole number from 1 to {MAX_QTY}"
_PRICE = "an amount such as 0.25"

CODES: dict[str, Code] = {
    "part.missing": Code(_E, "The row names no part.", "a part number such as 3001"),
    "part.too_long": Code(_E, "The part number is too long to be one.", "at most 100 characters"),
    "part.invalid": Code(_E, "The part number holds characters that none has.", "printable characters"),
    "part.excel_number": Code(
        _E, "A spreadsheet turned the part number into scientific notation.", "the number as text, such as 4211398"
    ),
    "part.unknown": Code(_W, "The catalog has no such part.", "a part number of the catalog"),
    "part.renamed": Code(_I, "The catalog has the part under another number, which was taken."),
    "part.misspelled": Code(_W, "The part number looks misspelled; it was read as the suggested one."),
    "part.print_of": Code(_W, "Which print this is cannot be told; the part without its print was taken."),
    "part.assembly_of": Code(_W, "The catalog does not have these parts put together; the main part was taken."),
    "part.mould": Code(_I, "Another mould of the same part was taken."),
    "part.alternate": Code(_I, "A part that takes this one's place was taken."),
    "part.space_mismatch": Code(_W, "The part numbers are another site's than the list claims; they were read so."),
    "element.unknown": Code(_W, "The catalog does not know this element.", "LEGO's element number, such as 300121"),
    "element.mismatch": Code(_W, "The element is another part than the row names; the row's part was taken."),
    "color.missing": Code(_E, "The row names no color.", _COLOR),
    "color.not_integer": Code(_E, "The color is not a whole number.", _COLOR),
    "color.negative": Code(_E, "The color is below zero.", _COLOR),
    "color.unknown": Code(_W, "The color is unknown.", _COLOR),
    "color.space_mismatch": Code(_W, "The color is another site's number than the list claims; it was read so."),
    "color.space_guessed": Code(
        _I, "Nothing says whose color numbers these are; they were read as the first suggested."
    ),
    "color.name_mismatch": Code(_W, "The color's number and what is known of its name do not agree."),
    "color.not_known_for_part": Code(
        _W, "The part is not known in this color.", "one of the colors that it is known in"
    ),
    "color.inherited": Code(_W, "The part takes its color from a model that has none.", "a color number on the part"),
    "color.direct": Code(_W, "The color is mixed from red, green and blue; no list of colors has it.", _COLOR),
    "ldraw.line": Code(_E, "The line is none of an LDraw file.", "1 color x y z a b c d e f g h i file"),
    "ldraw.cycle": Code(
        _E, "The reference closes a circle of models, so it was left out.", "models that do not hold themselves"
    ),
    "ldraw.missing_model": Code(
        _E,
        "The model that the line places is not in the file; its parts are missing.",
        "the model in the same file (.mpd)",
    ),
    "ldraw.duplicate_model": Code(_W, "A model of this name stands in the file already; the first one was taken."),
    "ldraw.piece": Code(_E, "The line places a piece of a part's drawing, which is no part by itself.", "a whole part"),
    "ldraw.left_out": Code(_I, "These lines were not counted: their author keeps them off the parts list."),
    "ldraw.synthesized": Code(
        _W, "A hose, chain or string is drawn here piece by piece, and was not counted; add it by hand."
    ),
    "ldraw.buffer": Code(
        _W,
        "The line goes back to a state of the model that was never stored; it was skipped.",
        "BUFEXCHG A STORE before it",
    ),
    "io.info": Code(_I, "Studio's own count of the parts can not be read, so it was not compared."),
    "io.unknown_parts": Code(_W, "Studio itself did not know some parts of this model."),
    "qty.missing": Code(_I, "The row states no quantity; it was read as 1.", _QTY),
    "qty.required": Code(_E, "The row states no quantity, and a list like this has to.", _QTY),
    "qty.not_integer": Code(_E, "The quantity is not a whole number.", _QTY),
    "qty.negative": Code(_E, "The quantity is below zero.", _QTY),
    "qty.zero": Code(_W, "The quantity is zero.", _QTY),
    "qty.too_large": Code(_E, "The quantity is too large to be meant.", _QTY),
    "qty.thousands": Code(_I, "The quantity is written with thousands separators; they were removed.", _QTY),
    "qty.delta": Code(
        _E, "The row changes a stock by this much; it is an update command, not a quantity.", "the whole quantity"
    ),
    "qty_filled.not_integer": Code(_W, "The filled quantity is no whole number; it was read as 0.", "0 or more"),
    "itemtype.missing": Code(_W, "The row states no item type; it was read as P, a part.", "one of S P M B G C I O U"),
    "itemtype.unknown": Code(_E, "The item type is unknown.", "one of S P M B G C I O U"),
    "condition.unknown": Code(_W, "The condition is unknown; the row was read without it.", "N, U or X"),
    "price.not_number": Code(_W, "The price is not a number; the row was read without it.", _PRICE),
    "price.negative": Code(_W, "The price is below zero; the row was read without it.", _PRICE),
    "spare.unknown": Code(_W, "The spare mark is neither true nor false; it was read as false.", "True or False"),
    "row.delete": Code(_E, "The row asks to delete an item; it is an update command, not a part of the list."),
    "part.excel_date": Code(_E, "A spreadsheet turned the part number into a date.", "the number as text, such as 1-5"),
    "part.formula_error": Code(_E, "A spreadsheet's formula failed where the part number belongs.", "a part number"),
    "element.unreadable": Code(_W, "The element number can not be read; the row was read without it.", "6 or 7 digits"),
    "qty.ambiguous": Code(_E, "The quantity can be read in two ways: the mark may part thousands or decimals.", _QTY),
    "qty.decimals": Code(_I, "The quantity is written with decimals that are all zero; they were removed.", _QTY),
    "qty.unit": Code(_I, "The quantity carries a unit; it was read without it.", _QTY),
    "qty.formula_error": Code(_E, "A spreadsheet's formula failed where the quantity belongs.", _QTY),
    "qty.counted": Code(_I, "The row states no quantity; its designators were counted."),
    "qty.all_counted": Code(_I, "The list has no column of quantities; the designators of each row were counted."),
    "qty.no_column": Code(_I, "The list has no column of quantities; each row was read as one piece.", _QTY),
    "qty.designators": Code(_W, "The quantity and the number of designators differ; the quantity was taken."),
    "reference.repeated": Code(_W, "All designators of the row were listed above already; it may be counted twice."),
    "price.ambiguous": Code(
        _W, "The price can be read in two ways; the row was read without it. Name the mark in options.decimal.", _PRICE
    ),
    "row.not_fitted": Code(_I, "The row is marked as not fitted (DNP); its quantity was read as 0."),
    "row.quotes_odd": Code(_W, "The row's quotation marks do not pair up; they were read as they stand."),
    "row.total_unclear": Code(_E, "The row names a total where a part belongs; it was left out."),
    "columns.guessed": Code(_I, "The list has no header; its columns were told from what stands in them."),
    "delimiter.guessed": Code(_W, "What parts the columns was a guess: more than one character would do."),
    "sheet.skipped": Code(_I, "The sheet was not read: it shows no list."),
    "sheet.hidden": Code(_I, "The sheet is hidden and was not read; name it in options.sheet to read it."),
    "sheet.several": Code(_I, "Lists stand on several sheets; all were read and added up."),
    "workbook.not_calculated": Code(
        _W,
        "Formulas have no stored results; their cells were read as empty.",
        "the workbook saved once by a spreadsheet program",
    ),
    "row.excluded": Code(_I, "The list itself marks the row as excluded; it was left out."),
    "row.duplicate": Code(_I, "Several rows state the same part; they were merged for the totals."),
    "total.mismatch": Code(_W, "The file claims another number of pieces than its rows add up to."),
    "row.ragged": Code(_E, "The row has another number of columns than the header."),
    "row.quotes": Code(_E, "The row's quotation marks do not pair up.", 'quotes as in "2 x 4"'),
    "row.too_long": Code(_E, "The row is too long to be one.", "at most 65536 characters"),
    "field.repeated": Code(_E, "The row states this field more than once.", "the field once"),
    "field.nested": Code(_E, "The field holds further elements where text belongs.", "text only"),
    "xml.bare_ampersand": Code(_W, "A bare & was read as the character itself.", "&amp;"),
    "suggestions.capped": Code(
        _I, "So many part numbers are unknown that corrections are suggested for the first ones only."
    ),
    "correction.stale": Code(
        _W, "A stored correction leads to something that the catalog no longer has; it was not used."
    ),
    "encoding.guessed": Code(
        _W, "The text is not UTF-8; it was read as Windows-1252. Check accented letters.", "UTF-8"
    ),
}


def issue(
    code: str,
    value: str | None = None,
    *,
    row: int | None,
    line: int | None,
    column: str | None = None,
    expected: str | None = None,
    suggestions: tuple[str, ...] = (),
) -> Issue:
    """An issue of that code, in the words of `CODES`; a long `value` is cut; `expected` may say it more exactly."""
    known = CODES[code]
    if value is not None and len(value) > MAX_VALUE:
        value = value[:MAX_VALUE] + "…"
    return Issue(
        row=row,
        line=line,
        column=column,
        code=code,
        severity=known.severity,
        message=known.message,
        value=value,
        expected=expected or known.expected,
        suggestions=suggestions,
    )
