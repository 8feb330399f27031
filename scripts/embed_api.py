#!/usr/bin/python3
"""Writes what the HTTP API serves as C++: embed_api.py OPENAPI.yaml PAGE.html OUT.cc"""
import json
import pathlib
import sys

import yaml


def literal(text):
    # Compilers limit how long one literal may be.
    pieces = [text[at:at + 8000] for at in range(0, len(text), 8000)]
    return '\n'.join('    R"leat(%s)leat"' % piece for piece in pieces)


def main():
    document, page, target = (pathlib.Path(path) for path in sys.argv[1:])
    json_text = json.dumps(yaml.safe_load(document.read_text()), separators=(',', ':'), ensure_ascii=True)
    target.write_text('#include "protocol/api/document.h"\n\nnamespace leat::api {\n\n'
                      'const std::string_view kDocumentText =\n%s;\n\nconst std::string_view kPageText =\n%s;\n\n'
                      '}  // namespace leat::api\n' % (literal(json_text), literal(page.read_text())))


if __name__ == '__main__':
    main()
