"""Stable codes for what pydantic finds wrong.

Pydantic's own error types follow its implementation (``string_pattern_mismatch``, ``int_from_float``) and
may change with it; clients are promised the codes on the right. A test holds that every type of the
installed pydantic has its code.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from services.kernel.decision import Reason

REQUIRED = "required"
UNKNOWN_FIELD = "unknown_field"
WRONG_TYPE = "wrong_type"
UNKNOWN_CODE = "unknown_code"
TOO_SHORT = "too_short"
TOO_LONG = "too_long"
OUT_OF_RANGE = "out_of_range"
MALFORMED = "malformed"
INVALID_DATE = "invalid_date"
INVALID_TIME = "invalid_time"
INVALID_VALUE = "invalid_value"

_BY_TYPE = {
    REQUIRED: "missing missing_argument missing_keyword_only_argument missing_positional_only_argument "
    "union_tag_not_found default_factory_not_called",
    UNKNOWN_FIELD: "extra_forbidden unexpected_keyword_argument unexpected_positional_argument "
    "multiple_argument_values invalid_key no_such_attribute",
    WRONG_TYPE: "json_type model_type model_attributes_type dataclass_type dataclass_exact_type named_tuple_type "
    "none_required iterable_type string_type string_sub_type dict_type frozen_dict_type ordered_dict_type "
    "counter_type mapping_type list_type deque_type tuple_type set_type frozen_set_type bool_type bool_parsing "
    "int_type int_parsing int_from_float float_type float_parsing bytes_type is_instance_of is_subclass_of "
    "callable_type arguments_type decimal_type fraction_type complex_type url_type uuid_type "
    "needs_python_object set_item_not_hashable",
    UNKNOWN_CODE: "enum literal_error union_tag_invalid",
    TOO_SHORT: "too_short string_too_short bytes_too_short",
    TOO_LONG: "too_long string_too_long bytes_too_long url_too_long",
    OUT_OF_RANGE: "greater_than greater_than_equal less_than less_than_equal multiple_of finite_number "
    "int_parsing_size decimal_max_digits decimal_max_places decimal_whole_digits",
    MALFORMED: "json_invalid string_unicode string_pattern_mismatch string_not_ascii bytes_invalid_encoding "
    "url_parsing url_syntax_violation url_scheme uuid_parsing uuid_version decimal_parsing fraction_parsing "
    "complex_str_parsing recursion_loop recursion_depth_exceeded iteration_error",
    INVALID_DATE: "date_type date_parsing date_from_datetime_parsing date_from_datetime_inexact date_past date_future",
    INVALID_TIME: "time_type time_parsing datetime_type datetime_parsing datetime_object_invalid "
    "datetime_from_date_parsing datetime_past datetime_future timezone_naive timezone_aware timezone_offset "
    "time_delta_type time_delta_parsing",
    INVALID_VALUE: "value_error assertion_error frozen_field frozen_instance get_attribute_error "
    "missing_sentinel_error ellipsis_error",
}
CODE_OF = {name: code for code, names in _BY_TYPE.items() for name in names.split()}

_NOTHING = object()


def code_of(error_type: str) -> str:
    """Return the stable code of a pydantic error type; a type that we raised ourselves is its own code."""
    return CODE_OF.get(error_type, error_type)


_MESSAGES = {"union_tag_invalid": "expected one of {expected_tags}"}
"""In place of messages of pydantic's that repeat what was sent."""


def message_of(error: Mapping[str, Any]) -> str:
    """Return what is wrong in words that repeat nothing of what was sent."""
    if error["type"] in _MESSAGES:
        return _MESSAGES[error["type"]].format(**error["ctx"])
    return str(error["msg"]).removeprefix("Value error, ")


def json_pointer(location: Sequence[str | int], value: Any, *, missing: bool = False) -> str:
    """Return the RFC 6901 pointer to ``location`` within the JSON ``value``.

    Pydantic's locations also name union members and validators, which are no place in the document: a part
    that the value does not hold is left out, unless it is the last and names the field that is missing.
    """
    parts: list[str] = []
    for index, part in enumerate(location):
        absent = missing and index == len(location) - 1 and isinstance(value, Mapping)
        inside = _item(value, part)
        if inside is _NOTHING and not absent:
            continue
        value = inside
        parts.append(str(part).replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{part}" for part in parts)


def _item(value: Any, part: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(part, _NOTHING)
    if isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value):
        return value[part]
    return _NOTHING


def reasons_of(errors: Sequence[Any], value: Any, *, skip: int = 0) -> list[Reason]:
    """Turn pydantic's errors about the JSON ``value`` into reasons, each once, in order.

    ``skip`` leading parts of each location belong to the caller (FastAPI puts ``body`` first).
    """
    found: dict[tuple[str, str], Reason] = {}
    for error in errors:
        code = code_of(error["type"])
        pointer = json_pointer(tuple(error["loc"])[skip:], value, missing=error["type"] == "missing")
        found.setdefault((code, pointer), Reason(code, message_of(error), pointer))
    return list(found.values())
