# SPDX-License-Identifier: BSD-3-Clause
"""Numbers as a network engineer reads them: decimal prefixes, three digits, short durations."""

_EXACT_BELOW = 100_000
_PREFIXES = ("", "k", "M", "G", "T", "P", "E")


def count(number: int) -> str:
    """Packets, sessions and the like: exact up to five digits, then 123k, 1.23M."""
    return str(number) if number < _EXACT_BELOW else "".join(_scaled(number))


def octets(number: int) -> str:
    """Bytes with their unit: 532 B, 1.23 kB, 45.6 MB."""
    digits, prefix = _scaled(number)
    return f"{digits} {prefix}B"


def per_second(rate: float) -> str:
    """Packets or sessions per second; the heading says which."""
    return "".join(_scaled(rate))


def bits_per_second(rate: float) -> str:
    """A bit rate, from a rate in bytes per second: 1.23 Gb/s."""
    digits, prefix = _scaled(rate * 8)
    return f"{digits} {prefix}b/s"


def link_speed(mbps: int) -> str:
    """A port's speed as on its label: 10G, 2.5G, 100M; `-` where the device does not say."""
    if mbps <= 0:
        return "-"
    return f"{mbps / 1000:g}G" if mbps >= 1000 else f"{mbps}M"


def duration(milliseconds: int) -> str:
    """The two largest units of a time: 0.4s, 12s, 2m05s, 1h03m, 2d04h."""
    if milliseconds < 10_000:
        return f"{milliseconds // 100 / 10:.1f}s"
    seconds = milliseconds // 1000
    for size, unit, smaller, small_unit in (
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "m"),
        (60, "m", 1, "s"),
    ):
        if seconds >= size:
            return f"{seconds // size}{unit}{seconds % size // smaller:02d}{small_unit}"
    return f"{seconds}s"


def percent(part: float, whole: float) -> str:
    """A share with one decimal; `-` of nothing."""
    return f"{100 * part / whole:.1f}%" if whole else "-"


def plural(number: int, noun: str) -> str:
    """`1 session`, `2 sessions`, `1.23M sessions`."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def _scaled(number: float) -> tuple[str, str]:
    if number < 999.5 and number == int(number):
        return str(int(number)), ""
    for prefix in _PREFIXES[:-1]:
        if number < 999.5:
            return _three_digits(number), prefix
        number /= 1000
    return _three_digits(number), _PREFIXES[-1]


def _three_digits(number: float) -> str:
    if number < 9.995:
        return f"{number:.2f}"
    return f"{number:.1f}" if number < 99.95 else f"{number:.0f}"
