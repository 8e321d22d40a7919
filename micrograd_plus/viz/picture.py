"""What graphs, diagrams, charts and pages have in common: each saves itself by suffix, and a notebook shows it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from micrograd_plus.files import encoded, write_atomically

__all__ = ["Picture"]


class Picture:
    """The base of what can be saved and shown. A subclass has a method for each form that it comes in.

    `kind` is what messages call it; `forms` the method that makes the content for each suffix, the usual one first.
    """

    kind: ClassVar[str] = "a picture"
    forms: ClassVar[Mapping[str, str]] = {".svg": "svg"}

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Returns the path, after it has written the picture there in the form that the suffix names.

        The file is written whole or not at all. Raises ValueError for a suffix that is not in `forms`, and what the
        method of that form raises.
        """
        path = Path(path)
        form = self.forms.get(path.suffix.lower())
        if form is None:
            known = " or ".join(", ".join(self.forms).rsplit(", ", 1))
            raise ValueError(f"{self.kind} is saved as {known}, but got {path.name!r}; change the suffix")
        content = getattr(self, form)()
        write_atomically(path, content if isinstance(content, bytes) else encoded(f"{content.rstrip()}\n"))
        return path

    def _shown(self) -> dict[str, str]:
        """What a notebook shows beside the words, by MIME type."""
        return {"image/svg+xml": getattr(self, self.forms[".svg"])()}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: words always, and the picture if it can be drawn. It never raises."""
        words = f"this {type(self).__name__}"
        try:
            words = str(self)
            return {"text/plain": words, **self._shown()}
        except Exception as error:  # a notebook's display is no place for a traceback
            return {"text/plain": f"{words}\n(can't be shown: {error})"}
