"""Content Credentials (C2PA): signs exported files as generated, with a local or the user's own certificate."""

from __future__ import annotations

import datetime
import json
import logging
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..storage import config_folder, make_folder
from ..version import version
from .animation import Animation, RenderError
from .output import OnProgress, Writer, atomic_output
from .pictures import PictureFolder
from .writers.xmp import GENERATED

LOCAL = "local"
MEDIA_TYPES = {
    ".png": "image/png",
    ".apng": "image/png",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
}
MOST_BYTES = 64 << 10  # that credentials add to a file
_LOCAL_DAYS = 3650
_WITHOUT_THUMBNAIL = {"builder": {"thumbnail": {"enabled": False}}}  # which is often larger than the picture
_MISSING = "Content Credentials need c2pa-python ({error}): pip install 'omote[credentials]'"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Credentials:
    """A private key, and the chain of certificates that names its owner, in PEM."""

    algorithm: str  # C2PA's name: "es256"
    chain: str  # the owner's certificate first
    key: str


def load_credentials(word: str) -> Credentials:
    """`local`, or the path of a PEM file with a private key and a chain of certificates.

    `local` stands for a certificate that is made at the first use, for this machine alone: it shows that a file has not
    changed since, and that Omote made it, but vouches for nobody. RenderError says what is wrong with a file.
    """
    try:
        import c2pa  # noqa: F401
        import cryptography  # noqa: F401
    except (ImportError, OSError) as error:
        raise RenderError(_MISSING.format(error=error)) from error
    path = config_folder() / "credentials.pem" if word == LOCAL else Path(word)
    try:
        if word == LOCAL and not path.exists():
            _make_local(path)
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise RenderError(f"other users may read the private key in {path}: chmod 600 {path}")
        return _parse(path, path.read_text("ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise RenderError(f"{path} cannot be used ({error}): name a PEM file of your own, or `{LOCAL}`") from error


def _parse(path: Path, text: str) -> Credentials:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    marker = "-----END CERTIFICATE-----"
    blocks = [part for part in text.replace("-----BEGIN", "\0-----BEGIN").split("\0") if part.startswith("-----BEGIN")]
    chain = "".join(block.strip() + "\n" for block in blocks if marker in block)
    keys = [block for block in blocks if "PRIVATE KEY-----" in block]
    if not chain or len(keys) != 1:
        raise RenderError(f"{path} must hold one private key and the chain of its certificates, in PEM")
    try:
        key = serialization.load_pem_private_key(keys[0].encode(), password=None)
    except (ValueError, TypeError) as error:
        raise RenderError(
            f"the private key in {path} cannot be read ({error}): it must be PEM without a password"
        ) from error
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        algorithm = _CURVES[key.curve.name]
    elif isinstance(key, ed25519.Ed25519PrivateKey):
        algorithm = "ed25519"
    elif isinstance(key, rsa.RSAPrivateKey):
        algorithm = "ps256"
    else:
        raise RenderError(f"the key in {path} is of no kind that C2PA knows: use P-256, P-384, P-521, Ed25519 or RSA")
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Credentials(algorithm, chain, written.decode())


_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


def _make_local(path: Path) -> None:
    """Writes a key, its certificate, and that of an authority which exists nowhere else; C2PA wants two."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def name(common: str) -> x509.Name:
        return x509.Name(
            [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Omote"), x509.NameAttribute(NameOID.COMMON_NAME, common)]
        )

    def usage(signs: bool, is_authority: bool) -> x509.KeyUsage:
        return x509.KeyUsage(signs, False, False, False, False, is_authority, False, False, False)

    authority_key, own_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    # The name says nothing about the user or the machine.
    authority, own = name(f"Local authority {secrets.token_hex(4)}"), name("A local user of Omote")
    now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    identifier = x509.SubjectKeyIdentifier.from_public_key

    def certificate(subject: x509.Name, key: Any, is_authority: bool) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + datetime.timedelta(days=_LOCAL_DAYS))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(usage(not is_authority, is_authority), critical=True)
            .add_extension(identifier(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
        )
        if not is_authority:
            builder = builder.add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
            )
        return builder.sign(authority_key, hashes.SHA256())

    pem = serialization.Encoding.PEM
    parts = (
        own_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        certificate(own, own_key, False).public_bytes(pem),
        certificate(authority, authority_key, True).public_bytes(pem),
    )
    make_folder(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(b"".join(parts))
    _log.info("made a local certificate for Content Credentials: %s", path)


def manifest(title: str) -> dict[str, object]:
    """What is signed: who wrote the file, and that a trained model made it."""
    action = {
        "action": "c2pa.created",
        "digitalSourceType": GENERATED,
        "softwareAgent": {"name": "Omote", "version": version()},
    }
    return {
        "claim_generator_info": [{"name": "Omote", "version": version()}],
        "title": title,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }


def sign(path: Path, credentials: Credentials) -> None:
    """Adds Content Credentials to this file, atomically; nothing is fetched or sent. RenderError if that fails."""
    import c2pa

    info = c2pa.C2paSignerInfo(
        credentials.algorithm.encode(), credentials.chain.encode(), credentials.key.encode(), None
    )
    try:
        with (
            atomic_output(path) as partial,
            c2pa.Signer.from_info(info) as signer,
            c2pa.Settings.from_dict(_WITHOUT_THUMBNAIL) as settings,
            c2pa.Context(settings) as context,
            c2pa.Builder(json.dumps(manifest(path.name)), context) as builder,
            path.open("rb") as source,
            partial.open("w+b") as target,
        ):
            builder.sign(signer, MEDIA_TYPES[path.suffix.lower()], source, target)
    except c2pa.C2paError as error:
        raise RenderError(
            f"{path} cannot be signed ({error}): check the certificate, or leave out --credentials"
        ) from error


@dataclass(frozen=True)
class SignedWriter:
    """Writes a file, and adds Content Credentials. Signatures differ, so each run gives other bytes."""

    writer: Writer
    credentials: Credentials

    @property
    def path(self) -> Path:
        return self.writer.path

    def check(self, animation: Animation, size: int) -> None:
        self.writer.check(animation, size)

    def max_bytes(self, animation: Animation, size: int) -> int:
        """Twice the file's size, because the signed one is written beside it."""
        return 2 * self.writer.max_bytes(animation, size) + MOST_BYTES

    def write(self, animation: Animation, pictures: PictureFolder, on_progress: OnProgress) -> None:
        self.writer.write(animation, pictures, on_progress)
        sign(self.path, self.credentials)


@dataclass(frozen=True)
class PictureSigner:
    """Adds Content Credentials to each picture of a folder, once every file is made from them."""

    path: Path  # of the first
    credentials: Credentials

    def check(self, animation: Animation, size: int) -> None:
        pass

    def max_bytes(self, animation: Animation, size: int) -> int:
        return len(animation) * MOST_BYTES

    def write(self, animation: Animation, pictures: PictureFolder, on_progress: OnProgress) -> None:
        for index in range(len(pictures)):
            sign(pictures.path(index), self.credentials)
            on_progress(index + 1)


def signed(writers: tuple[Writer, ...], word: str) -> tuple[Writer, ...]:
    """These writers, signing with the credentials that `word` names; RenderError for a file that cannot hold them."""
    if unsupported := [writer.path.name for writer in writers if writer.path.suffix.lower() not in MEDIA_TYPES]:
        raise RenderError(
            f"{', '.join(unsupported)} cannot hold Content Credentials, only {', '.join(MEDIA_TYPES)}: leave out "
            "--credentials, or choose another --out"
        )
    credentials = load_credentials(word)
    return tuple(SignedWriter(writer, credentials) for writer in writers)
