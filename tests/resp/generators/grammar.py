"""Random commands from patterns.

A pattern is a line: a weight, then words. A word stands for itself; `<slot>` for a random value, and:
  [ … ]      present in half of the commands
  ( a | b )  one of these
  { … }      one to four times
  { … }*     none to three times
"""
import re

TOKEN = re.compile(r'<[^>]+>|\}\*|[\[\](){}|]|[^\s\[\](){}|<>]+')


class Word:
    def __init__(self, text):
        self.text = text.encode()

    def add(self, g, out):
        out.append(self.text)


class Slot:
    def __init__(self, text, slots):
        name, _, argument = text.partition(':')
        self.make, self.argument = slots[name], argument or None

    def add(self, g, out):
        made = self.make(g) if self.argument is None else self.make(g, self.argument)
        if isinstance(made, list):
            out += made
        else:
            out.append(made)


class Sequence:
    def __init__(self, parts):
        self.parts = parts

    def add(self, g, out):
        for part in self.parts:
            part.add(g, out)


class Maybe(Sequence):
    def add(self, g, out):
        if g.rand() < 0.5:
            super().add(g, out)


class Choice(Sequence):
    def add(self, g, out):
        g.pick(self.parts).add(g, out)


class Repeat(Sequence):
    def __init__(self, parts, least):
        super().__init__(parts)
        self.least = least

    def add(self, g, out):
        for _ in range(self.least + int(g.rand() * 4)):
            super().add(g, out)


def sequence(tokens, slots, closing):
    parts, choices = [], []
    while tokens:
        token = tokens.pop(0)
        if token in closing:
            return choices + [Sequence(parts)] if choices else parts, token
        if token == '[':
            parts.append(Maybe(sequence(tokens, slots, (']',))[0]))
        elif token == '(':
            parts.append(Choice(sequence(tokens, slots, (')',))[0]))
        elif token == '{':
            inner, end = sequence(tokens, slots, ('}', '}*'))
            parts.append(Repeat(inner, 0 if end == '}*' else 1))
        elif token == '|':
            choices.append(Sequence(parts))
            parts = []
        elif token[0] == '<':
            parts.append(Slot(token[1:-1], slots))
        else:
            parts.append(Word(token))
    if closing:
        raise ValueError('%s is missing' % closing[0])
    return parts, None


def compile_pattern(text, slots):
    return Sequence(sequence(TOKEN.findall(text), slots, ())[0])


class Patterns:
    """Patterns with their weights. A line may end with ` # why`."""

    def __init__(self, text, slots):
        self.patterns, self.weights, total = [], [], 0.0
        for line in text.splitlines():
            line = re.sub(r'\s+#.*', '', line).strip()
            if not line:
                continue
            weight, _, pattern = line.partition(' ')
            total += float(weight)
            self.patterns.append(compile_pattern(pattern, slots))
            self.weights.append(total)

    def make(self, g):
        out = []
        g.choose(self.patterns, self.weights).add(g, out)
        return out
