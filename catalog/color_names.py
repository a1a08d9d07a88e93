"""Names of colors, however a list spells them: "Light Bluish Grey", "lt bluish gray" and "Light_Bluish_Gray" are one."""

import re
from collections.abc import Mapping

_MAX_NAME = 80  # characters; no color's name is longer
_WORD = re.compile(r"[a-z0-9]+")
_WORDS = {
    "grey": "gray",
    "lt": "light",
    "dk": "dark",
    "drk": "dark",
    "med": "medium",
    "md": "medium",
    "vlt": "very light",
    "brt": "bright",
    "transparent": "trans",
    "transp": "trans",
    "tr": "trans",
    "metalic": "metallic",
    "met": "metallic",
    "pearlescent": "pearl",
    "milk": "milky",
    "bley": "bluish gray",
    "colour": "",
    "color": "",
}


def plain_name(name: str) -> str:
    """The name in lower case, one blank between words, abbreviations written out, in American spelling."""
    words = _WORD.findall(name[:_MAX_NAME].lower())
    return " ".join(filter(None, (_WORDS.get(word, word) for word in words)))


def _sorted(plain: str) -> str:
    return " ".join(sorted(plain.split()))


class ColorNames:
    """Which colors a name may mean: those that any space calls so."""

    def __init__(self, names: Mapping[str, tuple[tuple[str, int], ...]]) -> None:
        self._exact: dict[str, tuple[tuple[str, int], ...]] = {}
        self._sorted: dict[str, tuple[tuple[str, int], ...]] = {}
        for name, meanings in names.items():
            for index, key in ((self._exact, plain_name(name)), (self._sorted, _sorted(plain_name(name)))):
                if key:
                    index[key] = index.get(key, ()) + meanings

    def meanings(self, name: str) -> tuple[tuple[str, int], ...]:
        """(space, color id) of every color of that name, the order of words aside; empty where nobody knows it."""
        plain = plain_name(name)
        return self._exact.get(plain) or self._sorted.get(_sorted(plain), ())

    def ids(self, name: str, *, space: str) -> tuple[int, ...]:
        """The colors of that name, those first that `space` itself calls so."""
        found = self.meanings(name)
        own = tuple(color for named, color in found if named == space)
        return tuple(dict.fromkeys((*own, *(color for _, color in found))))
