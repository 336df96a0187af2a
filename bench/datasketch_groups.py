"""Groups near duplicates with datasketch, for bench/near-duplicates.ts.

python3 datasketch_groups.py FILE, with one canonical text a line as a JSON string. Prints {"seconds", "groups"}: for each text the
first text of its group. MinHash of 128 permutations over sets of 3-grams, MinHashLSH at 0.8, candidates verified by exact
Jaccard similarity, as ours are. What datasketch has for speed is used: MinHash.generator, which shares the permutations and
updates by batches (the same as MinHash.bulk, without holding all of them), and crc32 in place of the default SHA-1.
Reading the file is not timed.
"""

import json
import sys
import time
import zlib

try:
    from datasketch import MinHash, MinHashLSH
except ImportError:
    sys.exit(3)

THRESHOLD = 0.8


def grams(text):
    return {text[i : i + 3] for i in range(max(1, len(text) - 2))}


def first_of(parents, row):
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = parents[row]
    return row


def group(texts):
    parents = list(range(len(texts)))
    index = MinHashLSH(threshold=THRESHOLD, num_perm=128)
    hashes = MinHash.generator((grams(text) for text in texts), num_perm=128, hashfunc=zlib.crc32)
    for row, minhash in enumerate(hashes):
        candidates = index.query(minhash)
        index.insert(row, minhash, check_duplication=False)
        if not candidates:
            continue
        own = grams(texts[row])
        for other in candidates:
            a, b = first_of(parents, row), first_of(parents, other)
            if a == b:
                continue
            others = grams(texts[other])
            shared = len(own & others)
            if shared >= THRESHOLD * (len(own) + len(others) - shared):
                parents[max(a, b)] = min(a, b)
    return [first_of(parents, row) for row in range(len(texts))]


with open(sys.argv[1], encoding="utf-8") as lines:
    # The texts of this comparison are ASCII: a byte is a letter.
    inputs = [json.loads(line).encode("ascii") for line in lines]
start = time.perf_counter()
groups = group(inputs)
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "groups": groups}))
