"""Writes python_json.json: texts, and whether CPython's json.loads accepts them.

Run as `python3 python_json.py`. Texts are Rust strings, so none holds a raw surrogate. None is so
large that Python refuses it for its size, as it does integers of more than 4300 digits.
"""

import json
import pathlib
import random

SPACES = " \t\n\r\v\f\0\x1c\x85\u00a0\u1680\u2003\u200b\u2028\u2029\u3000\ufeff"
HIGH = ["\\ud83d", "\\uD83D", "\\uDbFf", "\\ud800"]
LOW = ["\\ude00", "\\uDE00", "\\uDfFf", "\\udc00"]
NAMES = ["true", "false", "null", "NaN", "Infinity", "-Infinity"]
NUMBERS = """
0 -0 00 01 -01 007 1 -1 12 1234567890 - -- --1 -a - 1 +1 + +0 1_000 1,000 0x10 0X1 0b1 0o7 1L 1n 1f
0.0 -0.0 1.5 1. .5 -.5 . 1.e1 0.e1 1..2 1.2.3 00.5 0.50 01.5 -1. 1.a 1.-1 1.+1 5.٣ ٣ -٣ 1٣ १ １ ² ½ Ⅷ 𝟏
1e5 1E5 1e+5 1E+2 1e-5 1E-5 0e0 0E+00 -0e-0 1e05 1e 1E 1e+ 1e- 1e+-1 1ee5 1e5.5 1e5e5 1e1_0 1.5e3
1.5e 1.5e+ e5 1e٣ 1e400 -1e400 1E400 1e-400 1e999999999 123456789012345678901234567890 18446744073709551616
-9223372036854775809 1/2 1- 1+ 1-1 0-0 1a 0a 0true inf -inf Inf INF infinity 1#INF
""".split()


def hand_written():
    # Nothing, scalars, and names.
    yield from ["", " ", "\n", "0 ", " 0", '""', '"a"', "a", "'a'", "`a`", '"', "\\", "undefined"]
    for name in NAMES:
        yield from [name, f"[{name}]", f'{{"a": {name}}}', f" {name} ", f"[{name},{name}]"]
        yield from [name[:-1], name[1:], name + "x", name + " x", name + name, f"-{name}", f"+{name}"]
        yield from [name.lower(), name.upper(), name.title(), name + "0", name + '"', f"{{{name}: 1}}"]
        yield from [name[0] + " " + name[1:], name.replace("n", "ｎ", 1), "_" + name]
    yield from ["nan", "-nan", "-NaN", "+NaN", "NAN", "NaN()", "sNaN", "-Infinit", "- Infinity"]
    yield from ["None", "True", "False", "--Infinity", "Infinityx", "[-]", "[-,1]", "nul", "t", "n", "N", "I", "-I"]

    # Numbers.
    for number in NUMBERS:
        yield from [number, f"[{number}]", f'{{"a":{number}}}', f"{number},", f" {number}\n"]
    yield from ["1" * 4299, "-" + "9" * 4299, "0" + "1" * 4000, "0." + "3" * 5000, "1e" + "9" * 5000]

    # Whitespace, in every place.
    for space in SPACES:
        yield from [space, f"{space}1", f"1{space}", f"[{space}]", f"[1{space},2]", f"[1,{space}2]"]
        yield from [f"{{{space}}}", f'{{{space}"a":1}}', f'{{"a"{space}:1}}', f'{{"a":{space}1}}']
        yield from [f'{{"a":1{space}}}', f'{{"a":1,{space}"b":2}}', f'"{space}"', f"-{space}1", f"1{space}2"]
    yield from [" \t\n\r[ \t\n\r] \t\n\r", "\ufeff[]", "[]\ufeff", "\ufeff", "\ufeff\ufeff1", '"\ufeff"']

    # Raw characters in strings.
    for code in range(0x21):
        yield from [f'"{chr(code)}"', f'{{"{chr(code)}":1}}', f'"\\{chr(code)}"', f"[1{chr(code)}]"]
    for char in "\x7f\x80\x9f\u00a0é\u0301ß\u2028\u2029\ud7ff\ue000\ufeff\ufffd\uffff\U00010000😀\U0010ffff":
        yield from [f'"{char}"', f'"a{char}b"', f'{{"{char}":"{char}"}}', char, f'"\\{char}"', f'["a"{char}]']

    # Escapes.
    for code in range(0x20, 0x7F):
        yield f'"\\{chr(code)}"'
    yield from ['"\\', '"\\"', '"\\\\"', '"\\\\\\"', '"\\\\\\\\"', '"\\/\\b\\f\\n\\r\\t"', '"\\x41"', '"\\101"']
    yield from ['\\n', '[\\n]', '"\\U0041"', '"\\U00000041"', '"\\N{DASH}"', '"\\u{41}"', '"\\\n"', "'\\''"]
    for digits in ["00E9", "00e9", "0000", "ffff", "FFFF", "aBcD", "001f", "0022", "005c", "", "0", "00", "000"]:
        yield from [f'"\\u{digits}"', f'"\\u{digits}', f'"\\u{digits}x"', f'{{"\\u{digits}":1}}']
    for digits in ["00g0", "g000", "000g", " 041", "+041", "-041", "0x41", "0_41", "٠٠٤١", "００４１", "00é9", "\\u00"]:
        yield from [f'"\\u{digits}"', f'"\\ud83d\\u{digits}"']

    # Surrogates.
    for high in HIGH:
        for low in LOW:
            yield from [f'"{high}{low}"', f'"{low}{high}"', f'"{high}{high}{low}"', f'"{high}{low}{low}"']
            yield from [f'"{high} {low}"', f'"{high}é{low}"', f'"{high}\\n{low}"', f'"{high}\\u0041{low}"']
            yield from [f'{{"{high}{low}":1}}', f'["{high}","{low}"]', f'"{high}{low[:-1]}"', f'"{high}{low[1:]}"']
    for lone in HIGH + LOW:
        yield from [f'"{lone}"', f'"{lone}', f'{{"{lone}":1}}', f'"{lone}\\', f'"{lone}\\"', f'"{lone}\\u"']
        yield from [f'"a{lone}b"', f'"{lone}\\u00"', f'"{lone}\\u00zz"', f'"{lone}{lone}"', f'"{lone}\\x"', lone]

    # Arrays and objects.
    yield from ["[]", "[[]]", "[{}]", "[[],[]]", "[[],{}]", "{}", '{"a":[]}', '{"a":{}}', '{"a":{"b":[{}]}}', '{"":""}']
    yield from ["[", "]", "{", "}", "[[", "[]]", "[[]", "{}}", "{{}", "[}", "{]", "[{]}", "[{}", "][", "}{", ",", ":"]
    yield from ["[,]", "[1,]", "[,1]", "[1,,2]", "[1 2]", "[1:2]", "[1;2]", '["a" "b"]', "[1]]", "[1],", "[1][", "[][]"]
    yield from ["{,}", '{"a"}', '{"a":}', '{"a",}', '{"a":1,}', '{,"a":1}', '{"a":1,,"b":2}', '{"a":1 "b":2}', '{:1}']
    yield from ['{"a"::1}', '{"a" 1}', '{"a"=1}', "{1:1}", "{a:1}", "{'a':1}", "{null:1}", '{["a"]:1}', '{{}:1}', "{[]}"]
    yield from ['{"a":1,"a":2}', '{"a":1,"a":{"a":1}}', '{"a":1}}', '{"a":1]', '["a":1]', '{"a":1', '{"a":', '{"a"', '{"']
    yield from ['{"a":1,', '{"a":1,"', "[1,", "[1", '["', '["a', "1 2", "1,2", '"a" "b"', '"a""b"', "{}[]", "null null"]
    yield from ["// c\n1", "1 // c", "/* c */1", "[1,/**/2]", "# c\n1", "1 # c", "<!--1-->", ")]}'\n1", "(1)", "1;"]
    yield from ["[" * 500 + "]" * 500, '{"a":' * 500 + "1" + "}" * 500, "[" * 500 + "]" * 499, "[" * 500 + "]" * 501]
    yield from ['[{"a":' * 200 + "[]" + "}]" * 200, '[{"a":' * 200 + "[]" + "]}" * 200, "[[],[{}],{}," * 100]


SEEDS = [
    '{"role": "assistant", "content": "caf\\u00e9 \\ud83d\\ude00 \\"quoted\\"", "n": [1, -2.5e+3, 0], "ok": true}',
    '[NaN, -Infinity, Infinity, null, false, "", {}, [], {"": [{}]}]',
    ' { "a" : [ 1 , 2 ] ,\r\n\t"b" : "\\\\ \\/ \\b\\f" } ',
    '["\\ud800", "\\udfff\\ud8aB", 1e400, 12345678901234567890, "é\u2028😀"]',
    "-0.5E-10",
    '"\\uD83D\\uDE00\\n"',
]
PIECES = list('{}[]",:\\-+.eE019u/ \t\n\r\0\x1f\x7fabdfnrtINé\u2028\ufeff😀') + NAMES + HIGH + LOW
PIECES += ["\\u", "\\n", '\\"', "[]", "{}", '""', '"a":', "1e5", "-0", "\u00a0", "٣"]


def mutated(rng):
    """One of the seeds after a few random edits."""
    text = rng.choice(SEEDS)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 6])):
        at = rng.randrange(len(text) + 1)
        end = min(len(text), at + rng.choice([0, 0, 1, 1, 2, 5]))
        other = rng.randrange(len(text) + 1)
        text = rng.choice([
            text[:at] + rng.choice(PIECES) + text[end:],
            text[:at] + rng.choice(PIECES) + text[end:],
            text[:at] + text[end:],
            text[:at] + text[other : other + rng.randrange(12)] + text[at:],
            text[:at] + text[other:],
        ])
    return text


def accepted(text):
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return False
    return True


def main():
    rng = random.Random(20240607)
    texts = list(hand_written()) + [mutated(rng) for _ in range(600)]
    lines = (json.dumps([text, accepted(text)]) for text in dict.fromkeys(texts))
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="ascii")


if __name__ == "__main__":
    main()
