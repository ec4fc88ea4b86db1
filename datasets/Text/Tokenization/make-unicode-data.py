"""Writes unicode-data.txt, the tables that UnicodeTables.cs embeds, from Python's Unicode database.

One record a line: `code;class;decomposition` in hexadecimal, where the decomposition starts with `=` (canonical, composes back),
`-` (canonical, excluded from composition) or `~` (compatibility), and is empty where there is none. Hangul syllables are left
out: they are computed.
"""
import sys
import unicodedata

with open("unicode-data.txt", "w", encoding="ascii", newline="\n") as out:
    out.write(f"# Unicode {unicodedata.unidata_version}\n")
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        if 0xAC00 <= code <= 0xD7A3 or 0xD800 <= code <= 0xDFFF:
            continue
        combining, decomposition = unicodedata.combining(char), unicodedata.decomposition(char)
        if not combining and not decomposition:
            continue
        if decomposition.startswith("<"):
            decomposition = "~" + decomposition.split("> ")[1]
        elif decomposition:
            excluded = unicodedata.normalize("NFC", char) != char or " " not in decomposition
            decomposition = ("-" if excluded else "=") + decomposition
        out.write(f"{code:X};{combining:X};{decomposition}\n")
