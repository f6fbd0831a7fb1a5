#!/usr/bin/env python3
"""The word count of the examples on texts that are made to be awkward, against coreutils."""

import random
import string
import subprocess
import unittest

from harness import Process, ProcessTest, program, wait_until

SMALLEST_CHUNK = 4096


class CountWordsTest(ProcessTest):

    def setUp(self):
        super().setUp()
        self.corpus = self.folder / "corpus"
        (self.corpus / "deeper").mkdir(parents=True)
        self.start_broker()
        for name in ("counter-1", "counter-2"):
            worker = Process(self.folder, name, [program("COUNT_WORDS_WORKER")],
                             {"BATON_BROKER": self.broker.address, "WORKER_ID": name})
            self.processes.append(worker)
            wait_until(lambda w=worker: "connected to" in w.log(), lambda w=worker: f"{w.name} connects: {w.log()}")

    def write(self, name, content):
        (self.corpus / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    def count(self, **options):
        task = self.submit("count_corpus", {"paths": [str(self.corpus)], "top": 1000, **options})
        return self.wait_for_end(task)["result"]

    def coreutils(self):
        """[word, count], the most frequent first, ties in order of the alphabet."""
        pipeline = ("find \"$1\" -type f -print0 | xargs -0 -r grep -ahoE '[A-Za-z]+' | sort | uniq -c"
                    " | sort -k1,1nr -k2,2")
        done = subprocess.run(["bash", "-o", "pipefail", "-c", pipeline, "bash", str(self.corpus)],
                              env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
                              check=False)
        lines = [line.split() for line in done.stdout.splitlines()]
        return [[word, int(count)] for count, word in lines]

    def check(self, **options):
        result = self.count(**options)
        expected = self.coreutils()
        self.assertEqual(result["top"], expected[:1000])
        self.assertEqual((result["words"], result["distinct"]), (sum(count for _, count in expected), len(expected)))
        files = [path for path in self.corpus.rglob("*") if path.is_file() and not path.is_symlink()]
        self.assertEqual((result["files"], result["bytes"]), (len(files), sum(path.stat().st_size for path in files)))
        return result

    def test_awkward_files_are_counted_as_coreutils_does(self):
        self.write("plain.txt", "The quick brown fox\njumps over the lazy dog\n" * 50)
        self.write("no_final_newline.txt", "the end\nwithout a newline: fox")
        self.write("empty.txt", "")
        self.write("only_newlines.txt", "\n\n\n")
        self.write("digits.txt", "a1b22c __d__ e-f 007\n")
        self.write("latin1.txt", "caf\xe9 na\xefve \xdcber\n".encode("latin-1"))
        self.write("utf8.txt", "café naïve Über straße\n")
        self.write("binary.bin", bytes(range(256)) * 40 + b"fox\0dog\0\xff\xfefox")
        self.write("deeper/a name with 'quotes' and spaces", "fox fox fox\n")
        (self.corpus / "link").symlink_to(self.corpus / "plain.txt")
        self.check()
        self.check(chunk_bytes=SMALLEST_CHUNK)

    def test_words_cut_by_chunks_are_counted_once(self):
        randomness = random.Random(7)
        # Around every edge of a chunk, words begin, end and go on; one is longer than a whole chunk.
        for shift in range(-2, 3):
            edge = b"-" * (SMALLEST_CHUNK - 3 + shift)
            self.write(f"edge{shift}", edge + b"abcdef ghi" + edge + b"z" + edge + b" y")
        self.write("longer_than_a_chunk", b"x" * (2 * SMALLEST_CHUNK + 5) + b" tail")
        self.write("letters_only", b"q" * SMALLEST_CHUNK)
        words = ["".join(randomness.choices("abcDEF", k=randomness.randint(1, 9))) for _ in range(20_000)]
        self.write("random", " ".join(words))
        self.check(chunk_bytes=SMALLEST_CHUNK)

    def test_a_corpus_without_words_and_one_without_bytes(self):
        self.assertEqual(self.count(), {"files": 0, "bytes": 0, "words": 0, "distinct": 0, "top": []})
        self.write("empty", "")
        self.write("no_words", "1 2 3\n")
        self.check()

    def test_a_worker_killed_on_the_way_changes_nothing(self):
        words = " ".join(string.ascii_lowercase[n % 26] * (n % 7 + 1) for n in range(40_000))
        self.write("text", words)
        options = {"paths": [str(self.corpus)], "top": 1000, "chunk_bytes": SMALLEST_CHUNK, "pace_ms": 100}
        task = self.submit("count_corpus", options)

        def runs_chunks(name):
            running = self.baton("list", "--type", "count_chunk", "--state", "running", "-o", "jsonl").json_lines()
            return name in [chunk["worker_id"] for chunk in running]

        wait_until(lambda: runs_chunks("counter-1"), "counter-1 runs a chunk")
        next(process for process in self.processes if process.name == "counter-1").kill()
        ended = self.wait_for_end(task)
        self.assertEqual(ended["result"]["top"], self.coreutils())
        self.assertEqual(ended["result"]["words"], 40_000)
        chunks = self.baton("list", "--parent", str(task), "--limit", "0", "-o", "jsonl").json_lines()
        self.assertGreater(sum(chunk["interruptions"] for chunk in chunks), 0)

    def test_a_path_that_is_not_there_fails_for_good_with_its_name(self):
        task = self.submit("count_corpus", {"paths": ["/nonexistent"]})
        ended = self.wait_for_end(task, "PERMANENTLY_FAILED")
        self.assertIn("'/nonexistent' is neither a regular file nor a folder", ended["last_error"])
        self.assertEqual(ended["attempt"], 1)


if __name__ == "__main__":
    unittest.main()
