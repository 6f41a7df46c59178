"""Columns that grow a value at a time in little memory and become Arrow arrays."""

from __future__ import annotations

import operator
from array import array
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol

from pwffsim.runs.errors import RecordInvalid


class Column(Protocol):
    """One column of rows that are not on disk yet."""

    def append(self, value: Any, /) -> None:
        """Add a value; TypeError, ValueError or OverflowError if the column cannot hold it exactly."""
        ...

    def truncate(self, rows: int) -> None:
        """Forget all but the first ``rows`` values."""
        ...

    def arrow(self) -> Any:
        """The values as a pyarrow.Array."""
        ...


class IntColumn:
    """Integers of 64 bits; ``append`` takes numpy's too, but no float, however whole."""

    def __init__(self) -> None:
        self._values = array("q")
        self.append = self._values.append

    def truncate(self, rows: int) -> None:
        """Forget all but the first ``rows`` values."""
        del self._values[rows:]

    def arrow(self) -> Any:
        """The values as a pyarrow.Array."""
        import pyarrow as pa

        return pa.Array.from_buffers(pa.int64(), len(self._values), [None, pa.py_buffer(bytes(self._values))])


class FloatColumn:
    """Floats of 64 bits, nan and infinities included."""

    def __init__(self) -> None:
        self._values = array("d")
        self.append = self._values.append

    def truncate(self, rows: int) -> None:
        """Forget all but the first ``rows`` values."""
        del self._values[rows:]

    def arrow(self) -> Any:
        """The values as a pyarrow.Array."""
        import pyarrow as pa

        return pa.Array.from_buffers(pa.float64(), len(self._values), [None, pa.py_buffer(bytes(self._values))])


class BoolColumn:
    """Truth values."""

    def __init__(self) -> None:
        self._values: list[bool] = []

    def append(self, value: Any) -> None:
        """Add True or False."""
        if value not in (False, True):
            raise TypeError(f"{value!r} is neither True nor False")
        self._values.append(bool(value))

    def truncate(self, rows: int) -> None:
        """Forget all but the first ``rows`` values."""
        del self._values[rows:]

    def arrow(self) -> Any:
        """The values as a pyarrow.Array."""
        import pyarrow as pa

        return pa.array(self._values, pa.bool_())


class TextColumn:
    """Strings as codes into a vocabulary, which an enum may restrict."""

    def __init__(self, vocabulary: type[StrEnum] | None = None) -> None:
        self._vocabulary = vocabulary
        self._codes: dict[str, int] = {}
        self._values = array("i")

    def append(self, value: Any) -> None:
        """Add a string."""
        code = self._codes.get(value)
        self._values.append(self._learn(value) if code is None else code)

    def truncate(self, rows: int) -> None:
        """Forget all but the first ``rows`` values."""
        del self._values[rows:]

    def arrow(self) -> Any:
        """The values as a pyarrow.Array of strings."""
        import pyarrow as pa

        codes = pa.Array.from_buffers(pa.int32(), len(self._values), [None, pa.py_buffer(bytes(self._values))])
        words = pa.array(list(self._codes), pa.string())
        return pa.DictionaryArray.from_arrays(codes, words).cast(pa.string())

    def _learn(self, value: Any) -> int:
        word = str(self._vocabulary(value)) if self._vocabulary else _text(value)
        self._codes[word] = len(self._codes)
        return self._codes[word]


class ListColumn:
    """Tuples of one element type: ``int``, ``float`` or ``str``."""

    def __init__(self, element: type) -> None:
        self._element = element
        self._values: list[tuple[Any, ...]] = []

    def append(self, value: Any) -> None:
        """Add a tuple."""
        if not isinstance(value, (tuple, list)):
            raise TypeError(f"{value!r} is not a tuple")
        self._values.append(tuple(map(_EXACT[self._element], value)))

    def truncate(self, rows: int) -> None:
        """Forget all but the first ``rows`` values."""
        del self._values[rows:]

    def arrow(self) -> Any:
        """The values as a pyarrow.Array of lists."""
        import pyarrow as pa

        element = {int: pa.int64(), float: pa.float64(), str: pa.string()}[self._element]
        return pa.array(self._values, pa.list_(element))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a string")
    return str(value)


_EXACT: dict[type, Callable[[Any], Any]] = {int: operator.index, float: lambda value: value + 0.0, str: _text}
_PLAIN: dict[type, Callable[[], Column]] = {int: IntColumn, float: FloatColumn, bool: BoolColumn}


def column_for(annotation: Any) -> Column:
    """The column that holds values of a record field with this annotation. Raises RecordInvalid if none does."""
    if annotation in _PLAIN:
        return _PLAIN[annotation]()
    if isinstance(annotation, type) and issubclass(annotation, str):
        return TextColumn(annotation if issubclass(annotation, StrEnum) else None)
    element = getattr(annotation, "__args__", (None,))[0]
    if element in _EXACT:
        return ListColumn(element)
    raise RecordInvalid(f"no column holds {annotation!r}")
