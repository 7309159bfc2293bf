r"""TeX to MathML, without scripts and for every browser (MathML Core); the TeX goes along as its annotation (FEP-dc88).

What the converter makes is read as XML and built anew from an allow-list: `\text{<b>}` comes out of it as an element.
"""

from __future__ import annotations

from xml.etree import ElementTree

from fedblog.text.markup import escape_attribute, escape_text, names

# A formula travels as its number between these, past what cleans the text: only we make MathML.
FORMULA_START, FORMULA_END = "\U000f5e24", "\U000f5e25"
MAX_FORMULA = 2_000  # characters; a longer one stays as it was typed
MAX_DEPTH = 60
_XML = "http://www.w3.org/1998/Math/MathML"
_ELEMENTS = names(
    "mrow mi mn mo ms mtext mspace mfrac msqrt mroot mstyle mpadded mphantom msub msup msubsup munder mover munderover "
    "mmultiscripts mprescripts none mtable mtr mtd menclose"
)
_ATTRIBUTES = names(
    "mathvariant displaystyle scriptlevel stretchy fence separator symmetric form lspace rspace minsize maxsize "
    "accent accentunder linethickness width height depth columnalign rowspacing columnspacing columnlines rowlines "
    "movablelimits largeop notation"
)


def to_mathml(tex: str, *, block: bool) -> str:
    """A `<math>` element, "" where the formula can't be read."""
    if len(tex) > MAX_FORMULA or tex.count("{") > MAX_FORMULA // 4:
        return ""
    from latex2mathml import converter  # a tenth of a second, and most texts have no formula

    try:
        root = ElementTree.fromstring(converter.convert(tex))  # noqa: S314 - our own converter's output, no DTD in it
        inner = "".join(_built(child, 0) for child in root)
    except Exception:  # its errors have no common type; a formula is the author's, and shows as it was typed
        return ""
    shape = ' display="block"' if block else ""
    source = f'<annotation encoding="application/x-tex">{escape_text(tex)}</annotation>'
    return f"<math{shape}><semantics><mrow>{inner}</mrow>{source}</semantics></math>"


def _built(element: ElementTree.Element, depth: int) -> str:
    if depth > MAX_DEPTH:
        raise ValueError("nested too deep")
    name = element.tag.removeprefix(f"{{{_XML}}}")
    inner = escape_text(element.text or "") + "".join(
        _built(child, depth + 1) + escape_text(child.tail or "") for child in element
    )
    if name not in _ELEMENTS:
        return inner
    given = "".join(f' {key}="{escape_attribute(value)}"' for key, value in element.items() if key in _ATTRIBUTES)
    return f"<{name}{given}>{inner}</{name}>"
