"""Texts from outside."""


def utf8(text: str) -> str:
    """The text with a ``?`` for each byte that was no UTF-8: nothing can store or print it otherwise."""
    return text.encode("utf-8", "replace").decode("utf-8")
