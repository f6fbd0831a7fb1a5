"""The systems that are measured: how each is started, and what its figures stand for."""

import re
import shutil
import socket
import time
from pathlib import Path

from processes import Server, Trouble, run

POSTGRES_BIN = Path("/usr/lib/postgresql/15/bin")
RABBITMQ_BIN = Path("/usr/lib/rabbitmq/bin")
START_SECONDS = 90

MEMORY = "in memory: lost with the process"
SYNCED = "synced"
NOTHING = "nothing"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_port(port, server, greeting=None):
    """Until the server accepts connections; with `greeting`, until it answers these bytes."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        server.check()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
                if greeting is None:
                    return
                connection.sendall(greeting)
                if connection.recv(1):
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise Trouble(f"{server.name} does not accept connections on port {port}; its output: {server.log}")


class System:
    """One row of the table. start() returns the server of a fresh instance; its directory is empty."""

    name = ""  # of the row
    role_system = ""  # what peer-bench calls it
    packages = ()
    durability = ""  # of an acknowledged submission
    keeps = NOTHING  # for each finished task
    keeps_finished = False
    share = 1.0  # of the tasks: slow systems get fewer, so that a run takes seconds
    role_options = ()

    def version(self):
        raise NotImplementedError

    def start(self, directory, port):
        raise NotImplementedError

    def role_command(self, tools):
        return [str(tools / "cxx" / "peer-bench")]

    def role_environment(self, tools):
        return {}

    def role_arguments(self, port):
        return ["--system", self.role_system, "--port", str(port), *self.role_options]


class Postgres(System):
    name = "PostgreSQL, SKIP LOCKED"
    role_system = "postgres"
    packages = ("postgresql-15",)
    durability = f"{SYNCED}: synchronous_commit=on"
    keeps = "row: payload, 2 times"
    keeps_finished = True
    settings = {
        "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": 20,
        "synchronous_commit": "on", "fsync": "on", "full_page_writes": "on", "wal_level": "minimal",
        "max_wal_senders": 0, "wal_buffers": "64MB", "min_wal_size": "2GB", "max_wal_size": "16GB",
        "checkpoint_timeout": "30min", "checkpoint_completion_target": 0.9, "shared_buffers": "1GB",
        "huge_pages": "try", "maintenance_work_mem": "256MB", "autovacuum_naptime": "5s",
        "autovacuum_max_workers": 1, "jit": "off", "max_parallel_workers": 0,
    }  # yapf: disable

    def version(self):
        return run([POSTGRES_BIN / "postgres", "--version"]).split()[2]

    def start(self, directory, port):
        shutil.chown(directory, "postgres", "postgres")
        data = directory / "data"
        run([POSTGRES_BIN / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C",
             "--wal-segsize=64"], user="postgres", directory=directory)  # yapf: disable
        arguments = [str(POSTGRES_BIN / "postgres"), "-D", str(data), "-p", str(port)]
        for name, value in self.settings.items():
            arguments += ["-c", f"{name}={value}"]
        server = Server(arguments, directory / "log", user="postgres", directory=directory)
        deadline = time.monotonic() + START_SECONDS
        while "database system is ready" not in server.log.read_text():
            server.check()
            if time.monotonic() > deadline:
                raise Trouble(f"PostgreSQL does not start; its output: {server.log}")
            time.sleep(0.05)
        return server


class Beanstalkd(System):
    role_system = "beanstalkd"
    packages = ("beanstalkd",)

    def __init__(self, synced):
        self.synced = synced
        self.name = "beanstalkd -f 0" if synced else "beanstalkd, no log"
        self.durability = f"{SYNCED}: each job alone" if synced else MEMORY
        self.share = 0.05 if synced else 1.0

    def version(self):
        return run(["beanstalkd", "-v"]).split()[1]

    def start(self, directory, port):
        arguments = ["beanstalkd", "-l", "127.0.0.1", "-p", str(port)]
        if self.synced:
            arguments += ["-b", str(directory), "-f", "0"]
        server = Server(arguments, directory / "log")
        await_port(port, server)
        return server


class Gearman(System):
    name = "Gearman"
    role_system = "gearman"
    packages = ("gearman-job-server",)
    durability = MEMORY

    def version(self):
        return run(["gearmand", "--version"]).split()[1].partition("+")[0]

    def start(self, directory, port):
        # Two threads for connections: the machine has two processors, and more only take turns. The table of jobs is
        # by default made for few: with a long queue its chains take most of the time.
        server = Server(["gearmand", "--listen=127.0.0.1", f"--port={port}", "--threads=2",
                         "--hashtable-buckets=1000003", "--log-file=stderr", f"--pid-file={directory / 'pid'}"],
                        directory / "log")  # yapf: disable
        await_port(port, server)
        return server


class Nats(System):
    role_system = "nats"
    packages = ("nats-server",)
    keeps = "message: payload, time"
    keeps_finished = True

    def __init__(self, storage):
        self.storage = storage
        self.name = f"NATS JetStream, {storage}"
        self.role_options = ("--storage", storage)
        self.durability = MEMORY

    def version(self):
        version = run(["nats-server", "--version"]).split()[-1].lstrip("v")
        if self.storage == "file":
            self.durability = "acknowledged before it is synced"
            if self._can_sync(version):
                self.durability = f"{SYNCED}: sync_interval=always"
        return version

    @staticmethod
    def _can_sync(version):
        return tuple(int(part) for part in re.findall(r"\d+", version)[:2]) >= (2, 10)

    def start(self, directory, port):
        sync = "sync_interval: always" if self._can_sync(self.version()) and self.storage == "file" else ""
        settings = directory / "settings"
        settings.write_text(f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{directory}/store"\n{sync}\n}}\n')
        server = Server(["nats-server", "-c", str(settings)], directory / "log")
        await_port(port, server)
        return server


class Rabbitmq(System):
    name = "RabbitMQ, quorum queue"
    role_system = "rabbitmq"
    packages = ("rabbitmq-server",)
    durability = f"{SYNCED}: publisher confirm"
    share = 0.5

    def version(self):
        return run(["dpkg-query", "-W", "-f", "${source:Upstream-Version}", "rabbitmq-server"])

    def start(self, directory, port):
        mapper_port, node_port = free_port(), free_port()
        Server(["epmd", "-address", "127.0.0.1", "-port", str(mapper_port)], directory / "epmd-log")
        (directory / "settings.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n"
                                                 "log.console = true\nlog.console.level = warning\nlog.file = false\n")
        (directory / "plugins").write_text("[].\n")
        environment = {
            # Schedulers that spin while they wait would take processors from the clients on the same machine.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
            "HOME": str(directory), "ERL_EPMD_PORT": str(mapper_port), "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "peers@localhost", "RABBITMQ_DIST_PORT": str(node_port),
            "RABBITMQ_CONFIG_FILE": str(directory / "settings"), "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_MNESIA_BASE": str(directory / "data"), "RABBITMQ_LOG_BASE": str(directory / "logs"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"), "RABBITMQ_PID_FILE": str(directory / "pid"),
        }  # yapf: disable
        server = Server([str(RABBITMQ_BIN / "rabbitmq-server")], directory / "log", environment=environment,
                        directory=directory)  # yapf: disable
        await_port(port, server, greeting=b"AMQP\0\0\x09\x01")
        return server


class Bullmq(System):
    name = "Redis, BullMQ"
    packages = ("redis-server", "nodejs", "npm")
    durability = f"{SYNCED}: appendfsync always"
    keeps = "job: payload, result, 3 times"
    keeps_finished = True
    share = 0.2

    def version(self):
        return run(["redis-server", "--version"]).split("v=")[1].split()[0]

    def start(self, directory, port):
        # The log of commands is not rewritten during a measurement, and no snapshot is taken.
        server = Server(["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(directory),
                         "--appendonly", "yes", "--appendfsync", "always", "--save", "",
                         "--auto-aof-rewrite-percentage", "0", "--maxmemory-policy", "noeviction"],
                        directory / "log")  # yapf: disable
        await_port(port, server)
        return server

    def role_command(self, tools):
        return ["node", str(Path(__file__).with_name("bullmq.js"))]

    def role_environment(self, tools):
        return {"NODE_PATH": str(tools / "node" / "node_modules")}

    def role_arguments(self, port):
        return ["--port", str(port)]


PEERS = {
    "postgres": Postgres(),
    "rabbitmq": Rabbitmq(),
    "bullmq": Bullmq(),
    "beanstalkd": Beanstalkd(synced=True),
    "nats": Nats("file"),
    "nats-memory": Nats("memory"),
    "gearman": Gearman(),
    "beanstalkd-memory": Beanstalkd(synced=False),
}
