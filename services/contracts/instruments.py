"""The questionnaires as typed scores: range, bands, caseness, reliable change. No item wording stands here.

Sources: the domain facts, section 3. PHQ-9 and GAD-7 cut-offs, caseness and reliable change are those of the NHS
Talking Therapies manual, the PHQ-9's threshold of severity that of NICE guideline NG222; WSAS bands as the domain facts
give them; STarT MSK bands are common knowledge of the field [common]; the ONS4 are four questions of the Office for
National Statistics on personal well-being. STarT MSK is licensed: this software holds its scores only.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, NewType

Score = NewType("Score", int)
"""A whole number within the range of its tool."""


class Tool(StrEnum):
    """A questionnaire that gives one score; the ONS4 give four that are never summed, and so are none of these."""

    PHQ9 = "phq9"
    GAD7 = "gad7"
    START_MSK = "start_msk"
    WSAS = "wsas"


class Ons4Item(StrEnum):
    """The four questions on personal well-being, each 0 to 10. Of the first three a higher score is better."""

    LIFE_SATISFACTION = "life_satisfaction"
    WORTHWHILE = "worthwhile"
    HAPPINESS = "happiness"
    ANXIETY = "anxiety"


ONS4_RANGE: Final = (0, 10)


class Band(NamedTuple):
    """A range of scores with a name; ``lowest`` is its first score."""

    lowest: int
    code: str


class OutOfRange(ValueError):
    """A score that its tool cannot give."""

    def __init__(self, tool: str, score: int, low: int, high: int) -> None:
        super().__init__(f"{tool} gives {low} to {high}, not {score}; check the sum and which tool it is of")


@dataclass(frozen=True, slots=True)
class Instrument:
    """One tool. Higher scores are worse in all of them.

    ``caseness``: the lowest score at which somebody counts as a case (None: the tool has none). ``reliable_change``: by
    how much two scores of one person must differ before the change is more than chance (None: not published for it).
    """

    tool: Tool
    title: str
    high: int
    bands: tuple[Band, ...]
    caseness: int | None = None
    reliable_change: int | None = None
    low: int = 0

    def score(self, value: int) -> Score:
        """Return a score. Raises OutOfRange."""
        if not self.low <= value <= self.high:
            raise OutOfRange(self.title, value, self.low, self.high)
        return Score(value)

    def band(self, score: int) -> str:
        """Return the code of a score's band. Raises OutOfRange."""
        value = self.score(score)
        return next(band.code for band in reversed(self.bands) if band.lowest <= value)

    def is_case(self, score: int) -> bool | None:
        """Tell whether a score is at caseness; None: the tool has no such threshold. Raises OutOfRange."""
        value = self.score(score)
        return None if self.caseness is None else value >= self.caseness

    def reliable_improvement(self, earlier: int, later: int) -> bool | None:
        """Tell whether somebody is better by more than chance; None: not published for this tool. Raises OutOfRange."""
        fell = self.score(earlier) - self.score(later)
        return None if self.reliable_change is None else fell >= self.reliable_change

    def reliable_deterioration(self, earlier: int, later: int) -> bool | None:
        """Tell whether somebody is worse by more than chance; None: not published for this tool. Raises OutOfRange."""
        return self.reliable_improvement(later, earlier)


PHQ9: Final = Instrument(
    Tool.PHQ9,
    "PHQ-9",
    27,
    (
        Band(0, "minimal"),
        Band(5, "mild"),
        Band(10, "moderate"),
        Band(15, "moderately_severe"),
        Band(20, "severe"),
    ),
    caseness=10,
    reliable_change=6,
)
"""Depression, 0 to 27. Item 9 asks about thoughts of self-harm: above 0 it always needs follow-up, whatever the sum."""

PHQ9_MORE_SEVERE: Final = 16
"""NICE NG222: under 16 is less severe depression, 16 or more is more severe."""

GAD7: Final = Instrument(
    Tool.GAD7,
    "GAD-7",
    21,
    (Band(0, "minimal"), Band(5, "mild"), Band(10, "moderate"), Band(15, "severe")),
    caseness=8,
    reliable_change=4,
)
"""Anxiety, 0 to 21. What lies under the first published band (5, mild) is called minimal [design]."""

START_MSK: Final = Instrument(Tool.START_MSK, "STarT MSK", 12, (Band(0, "low"), Band(5, "medium"), Band(9, "high")))
"""The risk of lasting disability from musculoskeletal pain, 0 to 12 [common]."""

WSAS: Final = Instrument(
    Tool.WSAS, "WSAS", 40, (Band(0, "subclinical"), Band(10, "significant"), Band(21, "moderately_severe"))
)
"""How far a health problem limits work and everyday life, 0 to 40."""

INSTRUMENTS: Final = {one.tool: one for one in (PHQ9, GAD7, START_MSK, WSAS)}
"""Every tool with one score."""
