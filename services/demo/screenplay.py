"""What each person's coach does: plain acts with a day, a kind and its fields, the same for the same seed.

Played over HTTP in two parts, because the course needs the package that triage recommended::

    for act in opening(person, seed): ...
    for act in course(person, seed, revision=1, package=[...], from_on=last_day): ...

About three in four people start (Work and Health Programme); the rest is illustrative.
"""

from services.demo.act import Act, Target
from services.demo.course import course
from services.demo.opening import Story, needs_joint_assessment, opening, story_of

__all__ = ["Act", "Story", "Target", "course", "needs_joint_assessment", "opening", "story_of"]
