#!/usr/bin/python3
"""Writes an OpenAPI document in YAML as C++: openapi.py IN.yaml OUT.cc"""
import json
import pathlib
import sys

import yaml


def main():
    source, target = (pathlib.Path(path) for path in sys.argv[1:])
    text = json.dumps(yaml.safe_load(source.read_text()), separators=(',', ':'), ensure_ascii=True)
    # Compilers limit how long one literal may be.
    pieces = [text[at:at + 8000] for at in range(0, len(text), 8000)]
    lines = '\n'.join('    R"json(%s)json"' % piece for piece in pieces)
    target.write_text('#include "protocol/api/document.h"\n\nnamespace leat::api {\n\n'
                      'const std::string_view kDocumentText =\n%s;\n\n}  // namespace leat::api\n' % lines)


if __name__ == '__main__':
    main()
