"""What every source of `tocsin.yaml` has, whatever its type."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from tocsin.setting_sections import Section
from tocsin.setting_types import Duration, SourceName


class SourceSection(Section):
    """A source of any type."""

    KEYS: ClassVar[tuple[str, ...]] = ()
    """Secrets that it needs."""
    MAY: ClassVar[tuple[str, ...]] = ()
    """Secrets that it can do without."""

    name: SourceName = Field(description="what it is called; also the first part of its mentions' ids")
    type: str = Field(default="webhook", description="how it delivers")
    retention: Duration | None = Field(
        default=None,
        ge=86_400_000,
        description="how long its texts are kept, where that is less than `retention.texts`",
    )

    @property
    def is_measured(self) -> bool:
        """Whether its terms allow to look for spam and for protests among its posts."""
        return True

    def problems(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """What its values say against each other: where in the section, and what is wrong."""
        yield from ()
