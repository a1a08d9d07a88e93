"""What stands before an XML document's content: its declaration, its DOCTYPE and its root element's name."""

import re
from dataclasses import dataclass

_DECLARED = re.compile(r"<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
# Possessive throughout: a hostile prolog must cost no more than its length.
_PROLOG = re.compile(
    r"""(?P<space>\s++) | (?P<pi><\?(?>.*?\?>)) | (?P<comment><!--(?>.*?-->))
      | (?P<doctype><!DOCTYPE\b(?:[^\[>"']|"[^"]*+"|'[^']*+')*+(?:\[(?>.*?\]\s*+>)|>))
      | <(?P<root>[A-Za-z_][\w.:-]{0,100})""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_PAGE = re.compile(r"<!doctype\s+html\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlHead:
    """How an XML document begins."""

    start: int  # characters of junk before its first `<`
    root: str | None  # the root element as spelled, prefix included; None where the head does not reach it
    encoding: str | None  # as declared, lower case
    page: bool  # it is an HTML page
    entities: bool  # its DOCTYPE declares entities


def xml_head(text: str) -> XmlHead | None:
    """How the document in `text` (a file's first characters) begins; None where no markup does."""
    start = text.find("<")
    if start < 0:
        return None
    declared = _DECLARED.match(text, start)
    encoding = declared[1].lower() if declared else None
    root, page, entities, at = None, False, False, start
    while root is None and (found := _PROLOG.match(text, at)):
        root = found["root"]
        if doctype := found["doctype"]:
            page = page or _PAGE.match(doctype) is not None
            entities = entities or "<!ENTITY" in doctype
        at = found.end()
    page = page or (root is not None and root.lower() == "html")
    return XmlHead(start=start, root=root, encoding=encoding, page=page, entities=entities)


def local_name(tag: str) -> str:
    """An element's name without namespace or prefix, in upper case: tools differ in all three."""
    return tag.rpartition("}")[2].rpartition(":")[2].upper()
