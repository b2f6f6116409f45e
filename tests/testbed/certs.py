"""Keys and certificates of a test cluster, made by the ``openssl`` command when the cluster starts.

Elliptic keys (P-256): the dozen that a control plane needs takes a fraction of a second, where RSA takes some.
Nothing here is meant to live longer than a test cluster: certificates are valid for 30 days.
"""

from __future__ import annotations

import ipaddress
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.testbed.toolchain import Unavailable

_DAYS = "30"
_CONFIG = """\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, digitalSignature, keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth, serverAuth
authorityKeyIdentifier = keyid
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as PEM files that only their owner can read."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority of the cluster's own: ``folder/NAME.crt`` and what it signed beside it."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._config = folder / "openssl.cnf"
        self._config.write_text(_CONFIG)
        self.pair = self._request(name, f"/CN={name}", "-extensions", "authority")

    @property
    def certificate(self) -> Path:
        return self.pair.certificate

    def issue(self, file: str, user: str, *, groups: Iterable[str] = (), hosts: Iterable[str] = ()) -> Pair:
        """Sign ``folder/FILE.crt``: Kubernetes reads the common name as user and organizations as groups.

        ``hosts`` are the DNS names and IP addresses under which a server of this certificate is reached.
        """
        names = [*(("O", group) for group in groups), ("CN", user)]
        subject = "".join(f"/{kind}={_escape(value)}" for kind, value in names)
        extra = []
        if alternatives := ",".join(map(_alternative, hosts)):
            extra = ["-addext", f"subjectAltName={alternatives}"]
        signer = ["-CA", str(self.pair.certificate), "-CAkey", str(self.pair.key)]
        return self._request(file, subject, "-extensions", "leaf", *signer, *extra)

    def _request(self, file: str, subject: str, *arguments: str) -> Pair:
        made = Pair(self._folder / f"{file}.crt", self._folder / f"{file}.key")
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
        _openssl(
            *("req", "-x509", "-config", str(self._config), "-days", _DAYS, "-subj", subject, *curve),
            *("-keyout", str(made.key), "-out", str(made.certificate), *arguments),
        )
        return made


def signing_keys(folder: Path) -> Pair:
    """The key that signs service account tokens, with its public half in the place of the certificate."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Pair(folder / "service-accounts.pub", folder / "service-accounts.key")
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(made.key))
    _openssl("pkey", "-in", str(made.key), "-pubout", "-out", str(made.certificate))
    return made


def _alternative(host: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(host)}"
    except ValueError:
        return f"DNS:{host}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("/", "\\/").replace("+", "\\+")


def _openssl(*arguments: str) -> None:
    command = shutil.which("openssl")
    if command is None:
        raise Unavailable(
            "the keys of a test cluster are made with OpenSSL 3, and no 'openssl' is on the PATH"
        )
    done = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(
            f"openssl {arguments[0]} failed (OpenSSL 3 is needed): {done.stderr.strip()[-400:]}"
        )
