"""The HTTP base: every service's API is made here, so that every API answers in the same way."""

from services.kernel.http.app import create_api, open_routes
from services.kernel.http.claims import Answer
from services.kernel.http.each import Each
from services.kernel.http.identity import Principal, require
from services.kernel.http.once import Once
from services.kernel.http.parts import Open, ReadSession
from services.kernel.http.problems import Problem

__all__ = [
    "Answer",
    "Each",
    "Once",
    "Open",
    "Principal",
    "Problem",
    "ReadSession",
    "create_api",
    "open_routes",
    "require",
]
