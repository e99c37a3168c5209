"""Writes `golden.json` beside this file: what a real Python (3.12) makes of JSON.

Each case is the JSON, the text that `str` gives for its value, and the JSON that
the echo answers; `refused` are texts that are no JSON.
"""

import json
import random
import struct
import unicodedata
from pathlib import Path

assert unicodedata.unidata_version == "15.0.0", "the table of characters is that of Unicode 15.0"

rng = random.Random(20)
texts = r"""
null true false 0 -0 7 -12 123456789012345678901234567890 [] {} "" [[]] [{}] {"a":{}}
0.0 -0.0 1.0 1e5 1E+5 1e-5 0.0001 0.00001 1e15 1e16 1e17 123456789.123456789 1e22 1e23 1e400 -1e400 [1e999,-1e999]
5e-324 2.2250738585072014e-308 1.7976931348623157e308 9007199254740993 9007199254740993.0 0.1 2.5e-7 100000.0 1e100
"plain" "it's" "a\"b" ["it's"] ["a\"b"] ["\\"] ["\/"] ["\b\f\n\r\t"]
["\u0000\u001f\u007f\u0080\u00a0\u00ad\u00ff"] ["åäö日本😀"] ["\u00e5\ud83d\ude00"] ["\ud800"] ["\ud800x\udc00"] "\ud800x\udfff"
["\ud83d\ud83d\ude00"] ["\ud83d\u0041"] ["\u2028\u2029\u200b\ufeff\uffff\ue000"] ["\udbff\udfff"] {"\ud800":1,"\ud800":2}
{"b":1,"a":2,"b":3} {"a":[1,2.5,null,true,{"b":"c"}]} {"":""} {"it's":"x"} [1,[2,[3,[4]]]]
""".strip().split()
texts += ['"it\'s fine"', '["it\'s \\"both\\""]', ' [ 1 , 2 ] ', '{ "a" : 1 , "b" : [ ] }', '\t\r\n{"x": "y z"}\n']


def case(text):
    try:
        value = json.loads(text, parse_constant=lambda name: 1 / 0)
    except (ValueError, ZeroDivisionError):
        return None
    as_text = str(value).encode("utf-8", "backslashreplace").decode()
    return [text, as_text, json.dumps(value, separators=(",", ":"))]


for _ in range(300):
    bits = rng.getrandbits(64)
    number = struct.unpack("<d", struct.pack("<Q", bits))[0]
    if number == number:
        texts.append(repr(number).replace("inf", "1e999"))
for _ in range(200):
    texts.append(repr(rng.randrange(-(10**6), 10**6) / 10 ** rng.randrange(0, 25)))
edges = [code for code in range(1, 0x110000) if chr(code).isprintable() != chr(code - 1).isprintable()]
for start in range(0, len(edges), 60):
    near = [code for edge in edges[start : start + 60] for code in (edge - 1, edge)]
    texts.append(json.dumps("".join(map(chr, near if start else near[2:]))).join(["[", "]"]))
texts.append("{" + ",".join('"k{}":{}'.format(rng.randrange(30), n) for n in range(90)) + "}")
texts.append("9" * 4300)

cases = [case(text) for text in texts]
refused = [
    "", " ", "nul", "nulll", "tru", "NaN", "Infinity", "-Infinity", "[NaN]", "01", "-", "-a", "1.", "1.e5", ".5", "1e", "1e+", "+1", "0x1",
    "[1,]", "[,1]", "[1 2]", "[", "]", "{", "}", '{"a"}', '{"a":}', '{"a":1,}', "{a:1}", "{1:2}", "{'a':1}", '{"a" 1}', '{"a":1 "b":2}',
    '"', '"abc', '"\\', '"\\x"', '"\\u12"', '"\\u12g4"', '"\\u+123"', '"\n"', '"\t"', '"\x00"', "1 2", "[] []", "null,", "\ufeff1", "/*x*/1",
    "1" * 4301, "'a'", '["\\ud800\\u12"]', "\u00a01", "\x0c1", "１",
]
for text in refused:
    assert case(text) is None, text
assert all(cases)
file = Path(__file__).with_name("golden.json")
file.write_text(json.dumps({"cases": cases, "refused": refused}, indent=0) + "\n")
