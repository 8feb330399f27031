"""What the suites of tokens of another issuer (JWT) share: keys, key sets, tokens that are signed, a server's settings for them."""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from harness import unique

ISSUER, AUDIENCE = 'https://login.example/realms/mill', 'leat'
HASHES = {'256': hashes.SHA256, '384': hashes.SHA384, '512': hashes.SHA512}
CURVES = {'256': ('P-256', ec.SECP256R1, 32), '384': ('P-384', ec.SECP384R1, 48), '512': ('P-521', ec.SECP521R1, 66)}


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def encoded_json(value):
    return encoded(json.dumps(value).encode())


def encoded_number(number, size=None):
    return encoded(number.to_bytes(size or (number.bit_length() + 7) // 8, 'big'))


class Key:
    """Of RS, PS or ES with 256, 384 or 512."""

    def __init__(self, algorithm='RS256', id_=None, bits=2048):
        self.algorithm, self.id = algorithm, id_ or unique('key')
        self.family, self.size = algorithm[:2], algorithm[2:]
        if self.family == 'ES':
            self.private = ec.generate_private_key(CURVES[self.size][1]())
        else:
            self.private = rsa.generate_private_key(65537, bits)

    def jwk(self, **more):
        numbers = self.private.public_key().public_numbers()
        if self.family == 'ES':
            name, _, size = CURVES[self.size]
            own = {'kty': 'EC', 'crv': name, 'x': encoded_number(numbers.x, size), 'y': encoded_number(numbers.y, size)}
        else:
            own = {'kty': 'RSA', 'n': encoded_number(numbers.n), 'e': encoded_number(numbers.e)}
        return {**own, 'kid': self.id, 'use': 'sig', **more}

    def pem(self):
        return self.private.public_key().public_bytes(serialization.Encoding.PEM,
                                                      serialization.PublicFormat.SubjectPublicKeyInfo)

    def sign(self, data, raw=True):
        digest = HASHES[self.size]()
        if self.family == 'ES':
            signature = self.private.sign(data, ec.ECDSA(digest))
            if not raw:
                return signature
            size = CURVES[self.size][2]
            return b''.join(number.to_bytes(size, 'big') for number in decode_dss_signature(signature))
        pads = padding.PKCS1v15() if self.family == 'RS' else padding.PSS(padding.MGF1(digest), digest.digest_size)
        return self.private.sign(data, pads, digest)


def claims(user, lifetime=600, **more):
    """Those of a good token; None leaves one out."""
    now = int(time.time())
    all_of_them = {'iss': ISSUER, 'aud': AUDIENCE, 'sub': user, 'iat': now, 'exp': now + lifetime, **more}
    return {name: value for name, value in all_of_them.items() if value is not None}


def issue(key, user, header=None, sign=None, lifetime=600, **more):
    """A token; `header` changes what its header says, `sign` makes another signature."""
    head = {'alg': key.algorithm, 'typ': 'JWT', 'kid': key.id, **(header or {})}
    head = {name: value for name, value in head.items() if value is not None}
    signed = '%s.%s' % (encoded_json(head), encoded_json(claims(user, lifetime, **more)))
    return '%s.%s' % (signed, encoded((sign or key.sign)(signed.encode())))


def write(path, *keys):
    """A JWK set of keys and of what else a set may have; at once."""
    shown = [key.jwk() if isinstance(key, Key) else key for key in keys]
    new = pathlib.Path(str(path) + '.new')
    new.write_text(json.dumps({'keys': shown}))
    os.replace(new, path)


def options(source, **more):
    given = {'jwks': source, 'issuer': ISSUER, 'audience': AUDIENCE, 'roles-claim': 'realm_access.roles', 'clock-skew-ms': 0,
             **more}
    return [word for name, value in given.items() if value is not None for word in ('--jwt.' + name, str(value))]


def symmetric(secret):
    return lambda data: hmac.new(secret, data, hashlib.sha256).digest()


def roles(*names):
    return {'realm_access': {'roles': list(names)}}
