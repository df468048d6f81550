"""Has pyHanko's validator judge the signature of a sealed PDF: sealed_pdf.py PDF CERTIFICATE

Prints one line of JSON: whether the signature is good and its signer trusted, whether it covers the whole file, what it permits.
"""

import json
import sys

from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

with open(sys.argv[1], "rb") as file:
    reader = PdfFileReader(file)
    signatures = reader.embedded_signatures
    context = ValidationContext(trust_roots=[load_cert_from_pemder(sys.argv[2])], allow_fetching=False)
    status = validate_pdf_signature(signatures[0], signer_validation_context=context)
    print(
        json.dumps(
            {
                "signatures": len(signatures),
                "good": bool(status.bottom_line),
                "intact": bool(status.intact),
                "trusted": bool(status.trusted),
                "coverage": status.coverage.name,
                "permits": signatures[0].docmdp_level.name if signatures[0].docmdp_level else None,
                "subfilter": str(signatures[0].sig_object["/SubFilter"]),
            }
        )
    )
