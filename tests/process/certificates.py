"""Certificates for tests, made by openssl: authorities, and what they issue."""

import os
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

DAY = 86_400
NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
# What `openssl ca` has to be told to issue with any instants, which `openssl req` cannot.
CONFIGURATION = """[ca]
default_ca = issuing
[issuing]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
unique_subject = no
copy_extensions = copy
policy = any
[any]
commonName = supplied
"""


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise AssertionError(f"openssl {words}: {done.stderr}")
    return done.stdout


def instant(seconds_from_now):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds_from_now)).strftime("%Y%m%d%H%M%SZ")


@dataclass
class Pair:
    certificate: Path
    key: Path

    def replace_by(self, other):
        """As tools that renew certificates do: each file at once, one after the other."""
        os.replace(other.certificate, self.certificate)
        os.replace(other.key, self.key)

    def serial(self):
        return openssl("x509", "-in", self.certificate, "-noout", "-serial").strip().removeprefix("serial=")


class Authority:
    """A CA in a folder of its own; `certificate` is what others trust."""

    def __init__(self, folder, name="authority"):
        self.folder = Path(folder) / name
        self.folder.mkdir()
        self.certificate = self.folder / "ca.pem"
        self.key = self.folder / "ca.key"
        openssl("req", "-x509", *NEW_KEY, "-days", "30", "-subj", f"/CN={name}", "-keyout", self.key, "-out",
                self.certificate)
        self.configuration = self.folder / "ca.cnf"
        self.configuration.write_text(CONFIGURATION.format(folder=self.folder))
        (self.folder / "index").touch()

    def issue(self, name, names="DNS:localhost,IP:127.0.0.1", usage="serverAuth,clientAuth", lifetime=30 * DAY,
              begins=-DAY):
        """A certificate for the host names `names`, valid from `begins` to `lifetime` seconds from now, and its key."""
        pair = Pair(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        request = self.folder / f"{name}.csr"
        openssl("req", "-new", *NEW_KEY, "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}", "-addext",
                f"extendedKeyUsage={usage}", "-keyout", pair.key, "-out", request)
        openssl("ca", "-batch", "-notext", "-config", self.configuration, "-cert", self.certificate, "-keyfile",
                self.key, "-startdate", instant(begins), "-enddate", instant(lifetime), "-in", request, "-out",
                pair.certificate)
        return pair
