"""Windows code pages by the codecs that Python has of their own names: what a
reader of PR_HTML makes of its octets."""

NAMED = {
    20127: "ascii", 20866: "koi8-r", 21866: "koi8-u", 38598: "iso8859-8",
    50220: "iso2022_jp", 50221: "iso2022_jp", 50225: "iso2022_kr",
    51932: "euc_jp", 51949: "euc_kr", 52936: "hz", 54936: "gb18030",
    65001: "utf-8", 10000: "mac_roman",
}


def codec(page):
    """LookupError where Python has none."""
    if 28591 <= page <= 28606:
        return f"iso8859-{page - 28590}"
    return NAMED.get(page) or f"cp{page}"


def decode(octets, page):
    """Text, or an error: nothing is replaced."""
    return octets.decode(codec(page))
