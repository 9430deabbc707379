"""Every code that the tool can report: those of the rules, and those that are about a whole file or comment."""

from __future__ import annotations

from ann_migrate.rewriting.dropped import DROPPED

RANGES = {
    "ANN1": "Rewrites",
    "ANN2": "Declined: the name is used as something else than a plain call",
    "ANN3": "Declined: the object goes where it is not followed",
    "ANN4": "Declined: the arguments, the time or the place of a call",
    "ANN5": "Ignored: nothing to do, or left alone by wish",
    "ANN6": "Dropped: what the guide style leaves behind",
    "ANN7": "Declined in the guide style: what it has no words for",
    "ANN9": "Files that cannot be analysed or written",
}
"""What the codes that begin so are about; a code has three digits."""

NOT_RULES = {
    "ANN504": (
        "A skip comment that does nothing.",
        "An `# ann-migrate: skip` comment that no use of the legacy API stands at, or that names a code which is not "
        "reported there. It is told so that it can be deleted; it never changes the exit code.",
    ),
    "ANN901": (
        "Not valid Python.",
        "The file names the legacy API but does not parse: a syntax error, a null byte, an unknown encoding. It is "
        "left alone; mend it, or leave it out with `--exclude`.",
    ),
    "ANN902": (
        "An encoding that cannot be kept.",
        "Decoding and encoding the file does not give the same bytes back, so that it cannot be edited without "
        "changing other bytes. Save it as UTF-8 first.",
    ),
    "ANN903": (
        "Nested too deeply.",
        "Python's own parser, or the analysis, gives up on how deeply the code is nested. Break the expression up.",
    ),
    "ANN904": (
        "Syntax of a newer Python.",
        "The file names the legacy API and is written for a newer Python than the one that runs `ann-migrate` (which "
        "parses with Python's own parser). It is left alone; run `ann-migrate` under that Python.",
    ),
    "ANN911": ("A file or folder that cannot be read.", "The system refused; the reason is the system's."),
    "ANN912": (
        "A link that leads out of the given paths.",
        "What lies outside is not edited unasked. To migrate the link's target, name it as a path.",
    ),
    "ANN913": (
        "A file that is too large.",
        "The file names the legacy API but is larger than any program that is written by hand.",
    ),
    "ANN914": ("Not Python source.", "A file that was named as a path, names the legacy API and is not Python."),
    "ANN921": ("Not a valid notebook.", "The file is not valid JSON, or holds no notebook. It is left alone."),
    "ANN922": (
        "A notebook of an old format.",
        "Notebooks are analysed from format 4 on: `jupyter nbconvert --to notebook --inplace` converts older ones.",
    ),
    "ANN923": ("A document that is not UTF-8.", "Markdown and reStructuredText files are read as UTF-8. Save it so."),
    "ANN990": (
        "A check of the rewritten code failed.",
        "Each new file must parse, be the same outside the edits, hold every comment, and have nothing left to "
        "migrate. This one does not: a defect of the tool. The file is left as it is and the run ends with 2.",
    ),
    "ANN998": (
        "The process that analysed the file died.",
        "With `-j`, files are analysed in processes of their own; the one that had this file was killed or crashed. "
        "The file is left as it is, the others go on, and the run ends with 2.",
    ),
    "ANN999": (
        "Internal error.",
        "The tool itself failed on this file, which is left as it is; the others go on, and the run ends with 2. "
        "`--verbose` shows where; please report it.",
    ),
}
"""Codes of problems and notes, which no rule stands behind: a title, and what to do about it."""


def rule_codes() -> tuple[str, ...]:
    """The codes of all rules and of what a style drops, in order: those that ``--select``, ``--ignore`` and skip
    comments can name.
    """
    from ann_migrate.rules import all_rules

    codes = [rule.CODE for rule in all_rules()]
    codes += [rule.REWRITE_CODE for rule in all_rules() if hasattr(rule, "REWRITE_CODE")]
    return tuple(sorted([*codes, *DROPPED]))
