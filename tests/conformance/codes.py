"""Prints what the codes on the pages of a PDF say, one JSON text a line: drawn by poppler, read by zxing-cpp.

usage: codes.py PDF
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import zxingcpp


def pages(pdf):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["pdftoppm", "-gray", "-r", "200", pdf, f"{folder}/page"], check=True)
        for picture in sorted(pathlib.Path(folder).iterdir()):
            yield picture.read_bytes()


for page in pages(sys.argv[1]):
    # P5, width, height, 255, then the pixels.
    width, height = map(int, page.split(maxsplit=3)[1:3])
    grey = memoryview(page[-width * height :]).cast("B", shape=[height, width])
    for code in zxingcpp.read_barcodes(grey):
        print(json.dumps(code.text))
