import pytest
from moto.core.exceptions import ServiceException

from local.aws.knowledge.source_settings import Scope, check_settings, find_chunking, find_scope

PLAIN = {
    "dataSourceConfiguration": {
        "type": "S3",
        "s3Configuration": {"bucketArn": "arn:aws:s3:::docs", "inclusionPrefixes": ["u/a/"]},
    }
}
CONNECTOR = {
    "dataSourceConfiguration": {
        "type": "MANAGED_KNOWLEDGE_BASE_CONNECTOR",
        "managedKnowledgeBaseConnectorConfiguration": {
            "connectorParameters": {
                "type": "S3",
                "version": "1",
                "connectionConfiguration": {"bucketName": "docs"},
                "filterConfiguration": {"inclusionPrefixes": ["u/a/"]},
            }
        },
    }
}


def chunked(config):
    return PLAIN | {"vectorIngestionConfiguration": {"chunkingConfiguration": config}}


@pytest.mark.parametrize("settings", [PLAIN, CONNECTOR])
def test_both_kinds_name_a_bucket_and_a_prefix(settings):
    assert find_scope(settings) == Scope("docs", ("u/a/",))


def test_chunking_is_300_tokens_with_20_percent_unless_asked():
    fixed = {"maxTokens": 500, "overlapPercentage": 10}

    assert find_chunking(PLAIN) == (300, 20)
    assert find_chunking(chunked({"chunkingStrategy": "NONE"})) is None
    assert find_chunking(
        chunked({"chunkingStrategy": "FIXED_SIZE", "fixedSizeChunkingConfiguration": fixed})
    ) == (500, 10)


def test_each_kind_of_knowledge_base_takes_its_own_kind_of_source():
    check_settings(PLAIN, is_managed=False)
    check_settings(CONNECTOR, is_managed=True)
    for settings, is_managed in ((PLAIN, True), (CONNECTOR, False)):
        with pytest.raises(ServiceException, match="not supported here"):
            check_settings(settings, is_managed)


@pytest.mark.parametrize(
    "settings",
    [
        {"dataSourceConfiguration": {"type": "S3"}},
        chunked({"chunkingStrategy": "SEMANTIC"}),
        chunked({"chunkingStrategy": "FIXED_SIZE"}),
    ],
)
def test_an_incomplete_configuration_is_refused(settings):
    with pytest.raises(ServiceException, match="lacks"):
        check_settings(settings, is_managed=False)
