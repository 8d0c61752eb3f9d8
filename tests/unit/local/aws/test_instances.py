"""What the stand-in no longer uses must not stay in memory."""

from __future__ import annotations

import copy
import gc
import weakref

from moto.dynamodb.models.table import Table

from local.aws.instances import forget_instances


def test_a_copied_table_is_let_go():
    forget_instances()
    table = Table("agents", "123456789012", "us-east-1", schema=[], attr=[])
    copied = weakref.ref(copy.deepcopy(table))
    gc.collect()
    assert copied() is None
    assert Table.instances_tracked == []
