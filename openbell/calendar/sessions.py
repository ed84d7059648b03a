"""Every session of one exchange as plain arrays, whether the library made them or an earlier process kept them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Sessions:
    """One row a session, rising; read-only.

    ``days`` and ``early`` (sessions that close before the usual time) are datetime64[D]. ``opens``, ``closes``,
    ``break_starts`` and ``break_ends`` are int64 nanoseconds since 1970 in UTC, the least int64 where there is no
    break. ``holidays`` names the regular ones. ``zone`` is an IANA key.
    """

    zone: str
    days: NDArray[np.datetime64]
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]
    break_starts: NDArray[np.int64]
    break_ends: NDArray[np.int64]
    early: NDArray[np.datetime64]
    holidays: Mapping[date, str]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The same as arrays only, by name."""
        return {
            "zone": np.array(self.zone),
            "days": self.days,
            "opens": self.opens,
            "closes": self.closes,
            "break_starts": self.break_starts,
            "break_ends": self.break_ends,
            "early": self.early,
            "holidays": np.array(list(self.holidays), "datetime64[D]"),
            "names": np.array(list(self.holidays.values()), np.str_),
        }

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Sessions":
        """What ``arrays`` gave; a KeyError when one is missing."""
        holidays = dict(zip(arrays["holidays"].tolist(), arrays["names"].tolist(), strict=True))
        rows = {name: arrays[name] for name in ("days", "opens", "closes", "break_starts", "break_ends", "early")}
        return cls(zone=str(arrays["zone"]), holidays=holidays, **rows)
