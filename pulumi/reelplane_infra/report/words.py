"""Numbers as people read them."""

from __future__ import annotations


def dollars(usd: float) -> str:
    """``$58.1M``, ``$12.3K``, ``$431``, ``$0.40``, ``$0.067``: three digits that matter."""
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e4, "K")):
        if abs(usd) >= size * 0.9995:
            scale = 1e3 if unit == "K" else size
            return f"{_sign(usd)}${_three(abs(usd) / scale)}{unit}"
    if abs(usd) >= 100:
        return f"{_sign(usd)}${abs(usd):,.0f}"
    if abs(usd) >= 1:
        return f"{_sign(usd)}${abs(usd):.2f}"
    return f"{_sign(usd)}${abs(usd):.{2 if abs(usd) >= 0.0995 else 3}f}" if usd else "$0"


def gigabytes(size: float) -> str:
    """``1,688 PB``, ``12.5 TB``, ``340 GB`` of a size in GB (10^9 bytes)."""
    for scale, unit in ((1e6, "PB"), (1e3, "TB")):
        if size >= scale:
            return f"{_three(size / scale)} {unit}"
    return f"{_three(size)} GB"


def count(number: float) -> str:
    """``500M``, ``100K``, ``1,000``."""
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e5, "K")):
        if number >= size:
            scale = 1e3 if unit == "K" else size
            return f"{_three(number / scale)}{unit}"
    return f"{number:,.0f}"


def percent(share: float) -> str:
    """Of a share of 0 to 1. What is not nothing is never shown as 0 %, what is not all never as 100 %."""
    whole = round(share * 100)
    if whole == 0 and share > 0:
        return "<1 %"
    return "99 %" if whole == 100 and share < 1 else f"{whole} %"


def _three(value: float) -> str:
    text = f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _sign(value: float) -> str:
    return "-" if value < 0 else ""
