"""Settings of the canary: it is a client of the APIs, so none of theirs are here."""

import os
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class CanarySettings(BaseSettings):
    """``url`` holds ``{service}`` where an API's name goes; ``urls`` names those that are elsewhere, as JSON.

    ``tokens_url`` is the issuer's token endpoint. Without secrets the development issuer is asked, which gives a
    token to anybody; with them, OAuth 2.0 client credentials (RFC 6749, section 4.4).
    """

    model_config = SettingsConfigDict(env_prefix="PATHWAY_CANARY_", extra="ignore", frozen=True)

    url: str = "http://{service}-api:8080"
    urls: dict[str, str] = Field(default_factory=dict)
    tokens_url: str = ""
    coach_secret: SecretStr = SecretStr("")
    finance_secret: SecretStr = SecretStr("")
    patience_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    """How long each stage may take before it has failed."""


def canary_settings() -> CanarySettings:
    """Read them from the environment and the secret files."""
    folder = os.environ.get("PATHWAY_SECRETS_DIR")
    return CanarySettings(_secrets_dir=folder) if folder else CanarySettings()
