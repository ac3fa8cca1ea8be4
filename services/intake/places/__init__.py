"""What tells that somebody belongs to an area: one file an area, named after its ODS code."""

from pathlib import Path

import yaml

from services.intake.domain.policy import Place

FOLDER = Path(__file__).parent


def load_places(folder: Path = FOLDER) -> dict[str, Place]:
    """Read every ``<ODS code>.yaml``. Raises ValueError for a file that is wrong or misnamed."""
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        place = Place.model_validate(yaml.safe_load(path.read_text("utf-8")))
        if place.ods_code != path.stem:
            raise ValueError(f"{path.name} holds the area {place.ods_code}; call it {place.ods_code}.yaml")
        found[place.ods_code] = place
    return found
