"""What crafted XML tries on its reader: entities, depth, width, lying declarations, markup where text belongs."""

import random
import re
from itertools import islice
from xml.sax.saxutils import escape

from fuzz.any_bytes import Attack
from fuzz.texts import FORMULAS, NUMBERS, WORDS, on_text, some

_ROOT = re.compile(r"<[A-Za-z]")
_TAG = re.compile(r"<(/?)([A-Za-z]\w*)([^<>]*)>")
_FILLED = re.compile(r">([^<>\n]+)<")
_FIELD = re.compile(r"<(\w+)>([^<>]*)</\1>")
_ITEM = re.compile(r"<(ITEM|Item|Brick)\b.*?</\1>\s*", re.DOTALL)
_ATTRIBUTE = re.compile(r'\s(?!xmlns|version|encoding)\w+="([^"<>]*)"')
_DEEP = (50, 255, 300, 5_000, 200_000)


def _declared(rng: random.Random, text: str, subset: str, use: str) -> str:
    """`text` with a DOCTYPE that declares something, which is then used somewhere."""
    found = _ROOT.search(text)
    at = found.start() if found else 0
    name = re.match(r"\w+", text[at + 1 :]) or [rng.choice(("INVENTORY", "x"))]
    before = re.sub(r"<!DOCTYPE[^>]*>", "", text[:at])
    return f"{before}<!DOCTYPE {name[0]} {subset}>\n{_inside(rng, text[at:], use)}"


def _inside(rng: random.Random, text: str, piece: str) -> str:
    """`piece` in place of the text of some element."""
    match = some(rng, _FILLED, text)
    if match is None:
        return text + piece
    return text[: match.start(1)] + piece + text[match.end(1) :]


def _entity(rng: random.Random, text: str) -> str:
    return _declared(rng, text, '[<!ENTITY a "3001">]', "&a;")


def _external_entity(rng: random.Random, text: str) -> str:
    where = rng.choice(
        ("file:///etc/hostname", "http://127.0.0.1:9/x", "/etc/hostname", "jar:file:///x!/y", "\\\\host\\x")
    )
    how = rng.choice(("SYSTEM", 'PUBLIC "x"', "SYSTEM 5"))
    return _declared(rng, text, f'[<!ENTITY a {how} "{where}">]', "&a;")


def _parameter_entity(rng: random.Random, text: str) -> str:
    return _declared(
        rng, text, '[<!ENTITY % a SYSTEM "file:///etc/hostname"> %a; <!ENTITY % b "<!ENTITY c \'x\'>"> %b;]', "&c;"
    )


def _laughs(rng: random.Random, text: str) -> str:
    levels = rng.choice((5, 12, 30))
    steps = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, levels))
    return _declared(rng, text, f'[<!ENTITY a0 "ha">{steps}]', f"&a{levels - 1};")


def _quadratic(rng: random.Random, text: str) -> str:
    return _declared(rng, text, f'[<!ENTITY a "{"x" * 50_000}">]', "&a;" * 5_000)


def _entity_circle(rng: random.Random, text: str) -> str:
    return _declared(rng, text, '[<!ENTITY a "&b;"><!ENTITY b "&a;">]', "&a;")


def _external_subset(rng: random.Random, text: str) -> str:
    return _declared(rng, text, rng.choice(('SYSTEM "file:///etc/passwd"', 'PUBLIC "x" "http://127.0.0.1:9/"')), "x")


def _default_attributes(rng: random.Random, text: str) -> str:
    return _declared(rng, text, '[<!ATTLIST ITEM a CDATA "x"><!ELEMENT ITEM ANY><!NOTATION n SYSTEM "x">]', "x")


def _subset_unclosed(rng: random.Random, text: str) -> str:
    return _declared(rng, text, rng.choice(("[", "[<!ENTITY", "[<!--", "[<?x", '[<!ENTITY a "')), "x")


def _deep(rng: random.Random, text: str) -> str:
    depth = rng.choice(_DEEP)
    name = rng.choice(("a", "ITEM", "Item", "Brick", "c", "INVENTORY", "row"))
    return _inside(rng, text, f"<{name}>" * depth + (f"</{name}>" * depth if rng.random() < 0.7 else ""))


def _deep_root(rng: random.Random, text: str) -> str:
    depth = rng.choice(_DEEP)
    return re.sub(r"^(<\?xml[^>]*\?>)?", lambda found: found[0] + "<x>" * depth, text, count=1) + "</x>" * depth


def _wide(rng: random.Random, text: str) -> str:
    return _inside(
        rng, text, rng.choice(("<x/>", "<QTY>1</QTY>", "<a><b/></a>", "<!---->")) * rng.choice((900, 1_001, 100_000))
    )


def _many_attributes(rng: random.Random, text: str) -> str:
    more = "".join(f' a{n}="{n}"' for n in range(rng.choice((10, 3_000, 60_000))))
    return _TAG.sub(
        lambda found: f"<{found[1]}{found[2]}{found[3]}{'' if found[1] else more}>", text, count=rng.choice((1, 2, 3))
    )


def _long_attribute(rng: random.Random, text: str) -> str:
    size = rng.choice((5_000, 1_000_000, 11_000_000))
    return _TAG.sub(lambda found: f'<{found[1]}{found[2]} a="{"x" * size}"{found[3]}>', text, count=rng.choice((1, 2)))


def _long_name(rng: random.Random, text: str) -> str:
    return _inside(rng, text, f"<{'n' * rng.choice((1_000, 60_000, 1_000_000))}/>")


def _long_text(rng: random.Random, text: str) -> str:
    return _inside(rng, text, rng.choice(("x", " ", "&lt;", "\n", "3001 ")) * rng.choice((1_000, 300_000, 2_200_000)))


def _values(rng: random.Random, text: str) -> str:
    """What stands in some fields or attributes replaced, in XML that stays well-formed."""
    for _ in range(rng.choice((1, 2, 5, 20))):
        value = rng.choice(rng.choice((NUMBERS, WORDS, FORMULAS)))
        value = "".join(char for char in escape(value, {'"': "&quot;"}) if char.isprintable() or char in "\t\n")
        match = some(rng, _ATTRIBUTE, text) if rng.random() < 0.5 else some(rng, _FILLED, text)
        match = match or some(rng, _ATTRIBUTE, text) or some(rng, _FILLED, text)
        if match:
            text = text[: match.start(1)] + value + text[match.end(1) :]
    return text


def _fields_moved(rng: random.Random, text: str) -> str:
    """Whole fields left out, doubled, or under another field's name."""
    for _ in range(rng.choice((1, 2, 8))):
        match, other = some(rng, _FIELD, text), some(rng, _FIELD, text)
        if match and other:
            new = rng.choice(("", match[0] * 2, f"<{match[1]}/>", other[0], f"<{other[1]}>{match[2]}</{other[1]}>"))
            text = text[: match.start()] + new + text[match.end() :]
    return text


def _many_items(rng: random.Random, text: str) -> str:
    items = list(islice(_ITEM.finditer(text), 100))
    if not items:
        return text
    item = rng.choice(items)
    return (
        text[: item.end()]
        + item[0] * min(rng.choice((50, 1_000, 10_000)), 1_500_000 // len(item[0]))
        + text[item.end() :]
    )


def _case(rng: random.Random, text: str) -> str:
    """Names of elements in upper or lower case, each pair alike."""
    change = rng.choice((str.upper, str.lower, str.title))
    return _TAG.sub(lambda found: f"<{found[1]}{change(found[2])}{found[3]}>", text)


def _references(rng: random.Random, text: str) -> str:
    odd = (
        "&#0;",
        "&#xFFFFFFFF;",
        "&#xD800;",
        "&#65;",
        "&#x1F9F1;",
        "&nbsp;",
        "&",
        "&&&",
        "&#;",
        "&amp;amp;lt;",
        "&#99999999999;",
    )
    return _inside(rng, text, rng.choice(odd) * rng.choice((1, 1, 3, 20_000)))


def _sections(rng: random.Random, text: str) -> str:
    odd = (
        "<![CDATA[3001]]>",
        "<![CDATA[",
        "]]>",
        "<![CDATA[<ITEM>]]>",
        "<!-- x -->",
        "<!--",
        "<!-- -- -->",
        "<?x y?>",
        "<?",
        "<!",
        "<",
    )
    return _inside(rng, text, rng.choice(odd) * rng.choice((1, 1, 40, 5_000)))


def _big_comment(rng: random.Random, text: str) -> str:
    start, end = rng.choice((("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?p ", "?>")))
    return _inside(rng, text, start + rng.choice(("x", "<ITEM>", "&", "]]")) * rng.choice((1_000, 900_000)) + end)


def _lying_declaration(rng: random.Random, text: str) -> str:
    codec = rng.choice(
        (
            "UTF-16",
            "UTF-32",
            "ISO-8859-1",
            "windows-1252",
            "EBCDIC-CP-US",
            "x-nothing",
            "UTF-7",
            "ASCII",
            "IBM037",
            "",
            "\u00fc",
        )
    )
    text = re.sub(r"^<\?xml[^>]*\?>", "", text)
    version = rng.choice(('version="1.0"', 'version="1.1"', 'version="9"', ""))
    alone = rng.choice(("", ' standalone="yes"'))
    return f'<?xml {version} encoding="{codec}"{alone}?>' * rng.choice((1, 1, 1, 2)) + text + "\u00fc"


def _namespaces(rng: random.Random, text: str) -> str:
    odd = (
        'xmlns="urn:x"',
        'xmlns:a="urn:x" a:b="1"',
        'xmlns:xml="x"',
        'xmlns=""',
        'xmlns:xi="http://www.w3.org/2001/XInclude"',
        'a:b="c"',
    )
    return _TAG.sub(
        lambda found: f"<{found[1]}{found[2]} {rng.choice(odd)}{found[3]}>", text, count=rng.choice((1, 5, 500))
    )


def _prefixes(rng: random.Random, text: str) -> str:
    return _TAG.sub(lambda found: f"<{found[1]}{rng.choice(('p:', '', ':'))}{found[2]}{found[3]}>", text)


def _include(rng: random.Random, text: str) -> str:
    return _inside(
        rng, text, '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
    )


def _tags_changed(rng: random.Random, text: str) -> str:
    for _ in range(rng.choice((1, 2, 9))):
        match = some(rng, _TAG, text)
        if match is None:
            break
        new = rng.choice(
            (
                "",
                match[0] * 2,
                match[0].upper(),
                match[0].lower(),
                f"<{match[2]}/>",
                f"</{match[2]}>",
                "<ITEM>",
                "</ITEM>",
            )
        )
        text = text[: match.start()] + new + text[match.end() :]
    return text


def _other_root(rng: random.Random, text: str) -> str:
    roots = ("html", "ORDER", "BrickStoreXML", "LXFML", "INVENTORY", "worksheet", "x", "Inventory")
    return f"<{(name := rng.choice(roots))}>{re.sub(r'<[?!][^>]*>', '', text)}</{name}>" + rng.choice(
        ("", "<y/>", "trailing")
    )


XML: tuple[Attack, ...] = tuple(
    map(on_text, (
        _entity, _external_entity, _parameter_entity, _laughs, _quadratic, _entity_circle, _external_subset, _default_attributes,
        _subset_unclosed, _deep, _deep_root, _wide, _many_attributes, _long_attribute, _long_name, _long_text, _references, _references,
        _sections, _sections, _big_comment, _lying_declaration, _lying_declaration, _namespaces, _prefixes, _include,
        _tags_changed, _tags_changed, _tags_changed, _other_root,
    ))
)  # fmt: skip
XML_VALUES: tuple[Attack, ...] = tuple(
    map(on_text, (_values, _values, _values, _values, _values, _many_items, _fields_moved, _fields_moved, _case))
)
