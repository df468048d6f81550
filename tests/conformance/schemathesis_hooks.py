"""Tells schemathesis that time-stamp queries are octets (SCHEMATHESIS_HOOKS)."""

import schemathesis

schemathesis.serializer.alias("application/timestamp-query", "application/octet-stream")
