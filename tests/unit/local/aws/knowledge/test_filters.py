import pytest
from moto.core.exceptions import ServiceException

from local.aws.knowledge.filters import check_filter, matches

METADATA = {"kind": "policy", "year": 2026, "final": True, "teams": ["sales", "support"]}


def leaf(operator, key, value):
    return {operator: {"key": key, "value": value}}


@pytest.mark.parametrize(
    ("operator", "key", "value", "expected"),
    [
        ("equals", "kind", "policy", True),
        ("equals", "kind", "guide", False),
        ("equals", "absent", "policy", False),
        ("notEquals", "kind", "guide", True),
        ("notEquals", "absent", "x", True),
        ("in", "kind", ["guide", "policy"], True),
        ("notIn", "kind", ["guide", "policy"], False),
        ("greaterThan", "year", 2025, True),
        ("greaterThan", "year", 2026, False),
        ("greaterThanOrEquals", "year", 2026, True),
        ("lessThan", "year", 2026, False),
        ("lessThanOrEquals", "year", 2026, True),
        ("greaterThan", "kind", 1, False),
        ("greaterThan", "final", 0, False),
        ("startsWith", "kind", "pol", True),
        ("stringContains", "kind", "lic", True),
        ("stringContains", "teams", "upp", True),
        ("listContains", "teams", "sales", True),
        ("listContains", "kind", "policy", False),
    ],
)
def test_operator(operator, key, value, expected):
    assert matches(leaf(operator, key, value), METADATA) is expected


def test_and_needs_all_and_or_needs_one():
    parts = [leaf("equals", "kind", "policy"), leaf("equals", "year", 1999)]

    assert not matches({"andAll": parts}, METADATA)
    assert matches({"orAll": parts}, METADATA)


@pytest.mark.parametrize(
    "condition",
    [
        {},
        leaf("equals", "a", 1) | leaf("in", "b", [1]),
        leaf("greaterThan", "year", "2025"),
        leaf("in", "kind", "policy"),
        leaf("startsWith", "kind", 1),
        {"andAll": [leaf("equals", "a", 1), leaf("notIn", "b", 2)]},
    ],
)
def test_a_malformed_filter_is_refused(condition):
    with pytest.raises(ServiceException) as error:
        check_filter(condition, "OPENSEARCH_SERVERLESS")
    assert error.value.code == "ValidationException"


@pytest.mark.parametrize("operator", ["startsWith", "stringContains"])
def test_full_text_operators_need_opensearch(operator):
    condition = {"orAll": [leaf("equals", "a", 1), leaf(operator, "kind", "pol")]}

    check_filter(condition, "OPENSEARCH_SERVERLESS")
    for store in ("S3_VECTORS", "MANAGED"):
        with pytest.raises(ServiceException):
            check_filter(condition, store)
