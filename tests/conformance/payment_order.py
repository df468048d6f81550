"""Validates a payment order against the schema of pain.001.001.09 that sepaxml brings: payment_order.py XML"""

import os
import sys

import sepaxml
import xmlschema

schema = os.path.join(os.path.dirname(sepaxml.__file__), "schemas", "pain.001.001.09.xsd")
xmlschema.XMLSchema(schema).validate(sys.argv[1])
print("valid")
