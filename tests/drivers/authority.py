"""A certificate authority of the tests' own, and servers whose certificates it signs."""
import datetime
import ipaddress
import os
import pwd
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from servers import Servers

LOCALHOST = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]


class Authority:
    def __init__(self, name="tests"):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self.name, self.key.public_key(), x509.BasicConstraints(ca=True, path_length=0), [], hashes.SHA256())

    def _sign(self, subject, public, constraints, names, digest, days=2):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(days=3)).not_valid_after(now + datetime.timedelta(days=days)).add_extension(constraints, critical=True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, digest)

    def issue(self, folder, name, names=LOCALHOST, common_name="localhost", digest=hashes.SHA256()):
        """Writes name.crt and name.pem."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
        self._write(folder, name, key, self._sign(subject, key.public_key(), x509.BasicConstraints(ca=False, path_length=None), names, digest))

    def issue_itself(self, folder, name, days=2):
        """The same of the authority's own key, as `openssl req -x509` makes a server's certificate: its own authority."""
        self._write(folder, name, self.key, self._sign(self.name, self.key.public_key(), x509.BasicConstraints(ca=True, path_length=None), LOCALHOST[:1], hashes.SHA256(), days))

    def _write(self, folder, name, key, signed):
        (folder / f"{name}.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        private = folder / f"{name}.pem"
        private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        private.chmod(0o600)
        if os.getuid() == 0:
            os.chown(private, pwd.getpwnam("postgres").pw_uid, -1)

    def write(self, path):
        path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))


AUTHORITY, STRANGER = Authority(), Authority("somebody else")


class Encrypted(Servers):
    """PostgreSQL that knows TLS and asks each role for another proof; pgseal with a certificate of its own."""

    # What `pg_hba.conf` asks of whom; all others are trusted.
    DEMANDS = [("host", "r_md5", "md5"), ("host", "r_scram", "scram-sha-256"), ("host", "r_rounds", "scram-sha-256"), ("host", "r_clear", "password"), ("hostssl", "r_cert", "cert"), ("host", "r_cert", "reject")]
    PASSWORD = "pass word"

    def __init__(self, **options):
        super().__init__(**{"client_tls": "allow", "upstream_tls": True, **options})

    def _certificates(self):
        AUTHORITY.write(self.folder / "ca.crt")
        STRANGER.write(self.folder / "stranger.crt")
        AUTHORITY.issue(self.folder, "pgseal")
        # Of another digest than pgseal's, and without the address.
        AUTHORITY.issue(self.folder, "postgres", names=[x509.DNSName("localhost")], digest=hashes.SHA384())
        self.certificate = self.folder / "pgseal.crt"

    def start_postgres(self):
        data = self.folder / "data"
        first = "\nssl_ca_file" not in (data / "postgresql.conf").read_text()
        if first:
            with open(data / "postgresql.conf", "a") as conf:
                conf.write(f"ssl_ca_file = '{self.folder}/ca.crt'\n")
        super().start_postgres()
        if first:
            admin = f"postgres://postgres@127.0.0.1:{self.port}/postgres?sslmode=disable"
            for role, encryption in [("r_trust", "scram-sha-256"), ("r_md5", "md5"), ("r_scram", "scram-sha-256"), ("r_clear", "scram-sha-256"), ("r_cert", "scram-sha-256")]:
                subprocess.run(["psql", "-Xqc", f"SET password_encryption = '{encryption}'", "-c", f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{self.PASSWORD}'", admin], check=True)
            hba = data / "pg_hba.conf"
            hba.write_text("".join(f"{kind} all {role} 127.0.0.1/32 {method}\n" for kind, role, method in self.DEMANDS) + hba.read_text())
            self._run(f"{self.bin}/pg_ctl", "-D", str(data), "reload")
            deadline = time.monotonic() + 30
            while subprocess.run(["psql", "-Xqwc", "SELECT 1", admin.replace("postgres@", "r_scram@")], capture_output=True).returncode == 0:
                assert time.monotonic() < deadline, "pg_hba.conf was not reloaded"
                time.sleep(0.05)

    def _query(self):
        return f"?sslmode=verify-ca&sslrootcert={self.folder}/ca.crt" if self.upstream_tls else "?sslmode=disable"

    def beside(self, query="", **options):
        """Another pgseal before the same PostgreSQL; `query` are the options of its upstream."""
        env = {"PGSEAL_KEYRING": f"postgres://postgres@127.0.0.1:{self.port}/app?sslmode=disable", "PGSEAL_KMS_FILE": str(self.folder / "local.key"), **options.pop("env", {})}
        return Encrypted(port=self.port, env={"PGSEAL_UPSTREAM": f"postgres://127.0.0.1:{self.port}{query}", **env}, **options)

    def as_role(self, role, **options):
        """Where a client of this role connects, and with what."""
        words = {"host": "localhost", "hostaddr": "127.0.0.1", "port": self.listen, "dbname": "app", "user": role, "password": self.PASSWORD, "connect_timeout": 20}
        return {**words, **options}
