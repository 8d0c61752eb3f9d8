"""What the stand-in no longer uses must not stay in memory."""

from __future__ import annotations

import gc
import weakref

from moto.dynamodb.models.table import Table

from local.aws.instances import forget_instances


def test_a_table_nobody_uses_is_let_go():
    forget_instances()
    table = weakref.ref(Table("agents", "123456789012", "us-east-1", schema=[], attr=[]))
    gc.collect()
    assert table() is None
    assert Table.instances_tracked == []
