"""A host as the documents of operators see it: systemd, root and the usual paths, all within the folder of a test."""

import os
import signal

from harness import program
from player import DocumentTest

# Starts and stops what the unit would: the broker with the settings of /etc/baton/batond.conf.
SYSTEMCTL = """
verb=$1 unit=$2 folder={folder}
[[ $unit == batond || $unit == batond.service ]] || exit 4
runs() {{ [[ -s $folder/pid ]] && kill -0 "$(<"$folder/pid")" 2>/dev/null; }}
stop() {{
  runs || return 0
  kill -TERM "$(<"$folder/pid")"
  for ((i = 0; i < 1500; ++i)); do runs || return 0; read -rt 0.02 <> <(:) || true; done
  return 1
}}
start() {{
  runs && return 0
  setsid {batond} --config {config} --data-dir {data} --listen {address} </dev/null >>"$folder/journal" 2>&1 &
  echo $! >"$folder/pid"
  for ((i = 0; i < 1500; ++i)); do
    # Whoever has no access token is told so, and that tells enough.
    answer=0
    baton info >/dev/null 2>&1 || answer=$?
    ((answer == 5)) || return 0
    runs || break
    read -rt 0.02 <> <(:) || true
  done
  echo "Job for batond.service failed because the control process exited with error code." >&2
  return 1
}}
case $verb in
  start | stop) $verb ;;
  restart) stop && start ;;
  status) if runs; then echo "Active: active (running)"; else echo "Active: failed"; exit 3; fi ;;
  *) exit 64 ;;
esac
"""


class HostTest(DocumentTest):

    def setUp(self):
        super().setUp()
        for name in ("lib", "backups", "etc"):
            (self.folder / name).mkdir()
        self.data = self.folder / "lib" / "baton"
        self.configuration = self.folder / "etc" / "batond.conf"
        self.configuration.write_text("")
        self.words.update({"/var/lib": self.folder / "lib", "/var/backups": self.folder / "backups",
                           "/etc/baton": self.folder / "etc"})  # yapf: disable
        self.write_script("systemctl", SYSTEMCTL.format(folder=self.folder, batond=program("BATOND"), data=self.data,
                                                        config=self.configuration, address=self.address))
        self.write_script("journalctl", f"""[[ "$1 $2" == "-u batond" ]] || exit 64
tail -n "${{4:-100}}" {self.folder}/journal | sed "s/^/Nov 30 04:06:25 ada batond[4711]: /" """)
        # Whoever runs the tests may do all this, in this folder, and there is no user of the broker.
        self.write_script("sudo", '[[ "$1 $2" != "-u baton" ]] || shift 2\nexec "$@"')
        self.write_script("chown", '[[ "$1 $2" == "-R baton:baton" ]] && [[ -d $3 ]]')
        self.addCleanup(self.kill_broker)

    def settings(self, **sections):
        """Writes the settings file: SECTION={key: value}, values as TOML."""
        self.configuration.write_text("".join(
            f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
            for name, values in sections.items()))  # yapf: disable

    def systemctl(self, verb):
        return self.run_step(f"systemctl {verb} batond", None, 0)

    def kill_broker(self):
        path = self.folder / "pid"
        if path.exists() and path.read_text().strip():
            try:
                os.kill(int(path.read_text()), signal.SIGKILL)
            except ProcessLookupError:
                pass
