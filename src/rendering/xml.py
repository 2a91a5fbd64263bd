"""XML documents that hold text from outside."""

import re
from xml.etree.ElementTree import Element, indent, tostring

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2


def document(root: Element) -> bytes:
    """Return the document in UTF-8.

    Characters that XML does not have are left out."""
    for element in root.iter():
        element.text = _FORBIDDEN.sub("", element.text) if element.text else element.text
        for name, value in element.attrib.items():
            element.set(name, _FORBIDDEN.sub("", value))
    indent(root)
    text: str = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()
