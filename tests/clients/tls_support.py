"""What the suites of TLS share: authorities, certificates of servers and clients, and servers with TLS on every listener."""
import datetime
import os
import pathlib
import shutil
import subprocess
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from harness import Server, equal, free_port, unique
from security_support import Secured

DAY = datetime.timedelta(days=1)


def openssl(*arguments, text=None, seconds=30):
    return subprocess.run(['openssl', *arguments], input=text, capture_output=True, text=True, timeout=seconds)


class Certificates:
    """An authority, and certificates of this machine that it signs."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='leat-tls-'))
        self.authority, self.authority_key = self.folder / 'ca.pem', self.folder / 'ca.key'
        self.file, self.key = self.folder / 'server.pem', self.folder / 'server.key'
        self.run('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', self.authority_key, '-out', self.authority,
                 '-days', '2', '-subj', '/CN=leat test authority')

    def run(self, *arguments):
        done = openssl(*map(str, arguments))
        equal(done.returncode, 0, done.stderr)

    def make(self, name, file=None, key=None, algorithm='ec'):
        """Writes a certificate for that name and 127.0.0.1, and its key, each at once."""
        new_key, request, new_file = (self.folder / ('new.' + kind) for kind in ('key', 'csr', 'pem'))
        how = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] if algorithm == 'ec' else [algorithm]
        self.run('req', '-newkey', *how, '-nodes', '-keyout', new_key, '-out', request, '-subj', '/CN=' + name)
        extensions = self.folder / 'new.ext'
        extensions.write_text('subjectAltName=DNS:localhost,IP:127.0.0.1\n')
        self.run('x509', '-req', '-in', request, '-CA', self.authority, '-CAkey', self.authority_key, '-CAcreateserial',
                 '-days', '2', '-extfile', extensions, '-out', new_file)
        new_key.chmod(0o600)
        os.replace(new_file, file or self.file)
        os.replace(new_key, key or self.key)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class WithTls:
    """Makes a Server of harness.py, or one that builds on it, listen with TLS for every protocol too."""

    def __init__(self, certificates, *options, **more):
        super().__init__(**more)
        self.tls_ports = {protocol: free_port() for protocol in ('kafka', 'sqs', 'http', 'resp')}
        self.options = [*(part for protocol, port in self.tls_ports.items()
                          for part in ('--listen', '%s+tls=127.0.0.1:%d' % (protocol, port))),
                        '--tls.certificate', str(certificates.file), '--tls.key', str(certificates.key), *options]
        self.tls_address = '127.0.0.1:%d' % self.tls_ports['kafka']
        self.https_sqs = 'https://127.0.0.1:%d' % self.tls_ports['sqs']
        self.https = 'https://127.0.0.1:%d' % self.tls_ports['http']


class TlsServer(WithTls, Server):
    pass


class SecuredTls(WithTls, Secured):
    pass


class Authority:
    """Of clients' certificates."""

    def __init__(self, folder, name='clients'):
        self.folder, self.name = folder, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, unique(name))])
        self.key, self.file = ec.generate_private_key(ec.SECP256R1()), folder / (unique('ca') + '.pem')
        self.certificate = self.sign(self.name, self.key.public_key(), x509.BasicConstraints(ca=True, path_length=None))
        self.file.write_bytes(pem(self.certificate))

    def sign(self, name, key, constraints, begins=-2 * DAY, ends=DAY, usage=None):
        now = datetime.datetime.utcnow()
        builder = x509.CertificateBuilder(self.name, name, key, x509.random_serial_number(), now + begins, now + ends)
        builder = builder.add_extension(constraints, critical=True)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def client(self, *names, **more):
        """(file of a certificate, file of its key) with these common names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, 'Mill'),
                             *(x509.NameAttribute(NameOID.COMMON_NAME, name, _validate=False) for name in names)])
        certificate = self.sign(subject, key.public_key(), x509.BasicConstraints(ca=False, path_length=None), **more)
        at = unique('client')
        file, key_file = self.folder / (at + '.pem'), self.folder / (at + '.key')
        file.write_bytes(pem(certificate))
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
        return str(file), str(key_file)


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def run_secured_tls(cases, prepare):
    """The exit code of a suite whose cases share a server with users and TLS: prepare(certificates) gives the server's options,
    and the function that makes what the cases get of the server."""
    certificates = Certificates()
    try:
        certificates.make('localhost')
        options, world = prepare(certificates)
        with SecuredTls(certificates, *options) as server:
            server.start()
            failed = cases.run(world(server))
            equal(server.stop(), 0, 'the exit code of the server')
    finally:
        certificates.remove()
    return 1 if failed else 0


def run_certified(cases, world):
    """The same, of one that asks for clients' certificates: world(server, certificates, authority)."""
    def prepare(certificates):
        authority = Authority(certificates.folder)
        return ['--tls.client-ca', str(authority.file)], lambda server: world(server, certificates, authority)
    return run_secured_tls(cases, prepare)
