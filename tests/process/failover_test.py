#!/usr/bin/env python3
"""Several brokers to choose from: workers, submitters and the tool go to the first that answers, and move on."""

import unittest

from harness import Broker, Process, ProcessTest, program, run_program, wait_until


class FailoverTest(ProcessTest):

    def start_brokers(self):
        """Two brokers with a store each; `self.broker` is the first."""
        self.start_broker()
        self.other = Broker(self.folder, self.folder / "other-data", name="batond-2")
        self.processes.append(self.other)
        self.both = f"{self.broker.address},{self.other.address}"

    def ask_other(self, *arguments, code=0):
        return self.ask(self.other.address, *arguments, code=code)

    def ask(self, address, *arguments, code=0):
        answer = run_program([program("BATON"), "--broker", address, *arguments])
        self.assertEqual(answer.code, code, f"{arguments}\n{answer.out}\n{answer.err}")
        return answer

    def sessions_of_other(self):
        return self.ask_other("workers", "-o", "json").json()

    def test_a_worker_goes_to_the_next_broker_and_leaves_what_it_ran_for_the_first(self):
        self.start_brokers()
        worker = self.start_worker(baton_broker=self.both)
        task = self.submit("hold", {"until": str(self.gate())})
        worker.wait_for("start", task)
        self.assertEqual(self.sessions_of_other(), [])
        self.broker.kill()
        # The other one has another store: it knows nothing of the attempt.
        cancelled = worker.wait_for("cancelled", task)
        self.assertIn("the attempt is over", cancelled["detail"])
        wait_until(self.sessions_of_other, worker.log)
        wait_until(lambda: "another store" in worker.log(), worker.log)
        echo = self.ask_other("submit", "echo", "--json", '"moved"', "--wait", "--timeout", "30s")
        self.assertIn("moved", echo.out)
        # It stays there, although the first one is back.
        self.start_broker()
        self.assertEqual(self.get(task)["state"], "RUNNING")
        self.ask_other("submit", "echo", "--json", '"stays"', "--wait", "--timeout", "30s")
        self.wait_for_state(task, "PENDING")
        self.assertEqual(self.baton("workers", "-o", "json").json(), [])
        self.assertEqual(worker.terminate(), 0)

    def test_a_worker_goes_on_where_its_data_directory_is_opened_next(self):
        first, second = f"unix:{self.folder}/one.sock", f"unix:{self.folder}/two.sock"
        self.start_broker(listen=first)
        worker = self.start_worker(baton_broker=f"{first}, {second}")
        task = self.submit("hold", {"until": str(self.gate())})
        worker.wait_for("start", task)
        self.broker.kill()
        self.start_broker(listen=second, name="batond-2")
        self.gate().touch()
        self.assertEqual(self.wait_for_end(task)["result"], "held")
        self.assertEqual(self.outcomes(task), [("worker-1", "SUCCEEDED")])
        self.assertEqual(len(worker.events("start")), 1)
        self.assertEqual(worker.terminate(), 0)

    def test_submitters_pass_by_a_broker_that_drains(self):
        self.start_brokers()
        worker = self.start_worker()
        task = self.submit("hold", {"until": str(self.gate())})
        worker.wait_for("start", task)
        self.broker.signal(15)
        wait_until(lambda: "draining" in self.broker.log(), self.broker.log)
        hello = Process(self.folder, "hello", [program("HELLO_WORKER")], {"BATON_BROKER": self.both})
        self.processes.append(hello)
        answer = run_program([program("SUBMIT_HELLO"), "failover"], {"BATON_BROKER": self.both})
        self.assertEqual((answer.out, answer.code), ("Hello, failover!\n", 0), answer.err)
        self.assertEqual(self.ask_other("list", "-o", "json").json()[0]["type"], "hello")
        self.gate().touch()
        self.assertEqual(self.broker.wait(), 0)

    def test_the_command_line_asks_the_first_that_answers(self):
        self.start_brokers()
        self.assertEqual(self.ask(self.both, "info", "-o", "json").json()["listen_address"], self.broker.address)
        self.broker.kill()
        self.assertEqual(self.ask(self.both, "info", "-o", "json").json()["listen_address"], self.other.address)
        self.other.kill()
        self.assertIn(self.both, self.ask(self.both, "list", code=5).err)
        self.assertIn("HOST:PORT", self.ask("one,,two", "list", code=2).err)

    def test_what_is_no_address_is_refused_at_once(self):
        for program_name, code in (("HELLO_WORKER", 1), ("SUBMIT_HELLO", 1), ("BATON", 2)):
            words = ["list"] if program_name == "BATON" else []
            answer = run_program([program(program_name), *words], {"BATON_BROKER": "http://localhost:7461"})
            self.assertEqual(answer.code, code, answer.err)
            for word in ('"http://localhost:7461"', "HOST:PORT", "BATON_BROKER"):
                self.assertIn(word, answer.err)

    def test_waiting_goes_on_at_the_next_broker(self):
        first, second = f"unix:{self.folder}/one.sock", f"unix:{self.folder}/two.sock"
        self.start_broker(listen=first)
        self.start_worker(baton_broker=f"{first},{second}")
        task = self.submit("hold", {"until": str(self.gate())})
        self.wait_for_state(task, "RUNNING")
        # Begins to watch, which shows that it has reached the broker.
        command = [program("BATON"), "--broker", f"{first},{second}", "watch", str(task)]
        watching = Process(self.folder, "watch", command)
        self.processes.append(watching)
        wait_until(lambda: "RUNNING" in watching.out(), watching.log)
        self.broker.kill()
        self.start_broker(listen=second, name="batond-2")
        self.gate().touch()
        self.assertEqual(watching.wait(), 0, watching.log())
        self.assertIn("COMPLETED", watching.out())


if __name__ == "__main__":
    unittest.main()
