"""Private keys that do not fit are refused by the receipt alone, before a download."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pyrage
import pytest

from ctgitops.backup.encryption import Cipher, PrivateKey
from ctgitops.core.receipt import Receipt
from ctgitops.errors import BackupError, UsageError
from tests.backup.stores import KEY, PUBLIC
from tests.fakes import receipt as some_receipt


def receipt(*recipients: str) -> Receipt:
    return replace(some_receipt(), encrypted_to=recipients, key_check=Cipher(recipients).key_check())


def reader(text: str) -> Cipher:
    return Cipher(private_key=lambda: PrivateKey(text, "KEY"))


def ssh_key(folder: Path, kind: str = "ed25519", passphrase: str = "") -> tuple[str, str]:
    """A public and a private key."""
    file = folder / f"{kind}{passphrase}"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(file)], check=True)
    return file.with_suffix(".pub").read_text().strip(), file.read_text()


def sealed(cipher: Cipher, content: bytes) -> bytes:
    out = BytesIO()
    cipher.encrypt(BytesIO(content), out)
    return out.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_an_ssh_key_opens_what_is_encrypted_to_it(tmp_path: Path, kind: str) -> None:
    public, private = ssh_key(tmp_path, kind)
    reader(private).refuse_unless_fits(receipt(public))
    out = BytesIO()
    reader(private).decrypt(BytesIO(sealed(Cipher((public,)), b"rows")), out, "x")
    assert out.getvalue() == b"rows"


def test_each_of_two_keys_is_enough(tmp_path: Path) -> None:
    public, private = ssh_key(tmp_path)
    both = receipt(PUBLIC, public)
    reader(KEY).refuse_unless_fits(both)
    reader(private).refuse_unless_fits(both)
    reader(f"# created: today\n# public key: {PUBLIC}\n{KEY}\n").refuse_unless_fits(both)
    reader(private + str(pyrage.x25519.Identity.generate())).refuse_unless_fits(both)


@pytest.mark.slow
def test_keys_that_cannot_be_used_say_why(tmp_path: Path) -> None:
    _, locked = ssh_key(tmp_path, passphrase="secret")
    for text, said in (
        (str(pyrage.x25519.Identity.generate()), "and the key in KEY does not match"),
        (ssh_key(tmp_path)[1], "and the key in KEY does not match"),
        (locked, "locked by a passphrase: remove the passphrase from a copy with `ssh-keygen"),
        (
            pyrage.passphrase.encrypt(KEY.encode(), "secret").decode("latin-1"),
            "locked by a passphrase: first decrypt it",
        ),
        ("hunter22", "is not an age or SSH private key"),
        (PUBLIC, "is not an age or SSH private key"),
        ("", "the text contains no private key"),
    ):
        with pytest.raises(UsageError) as caught:
            reader(text).refuse_unless_fits(receipt(PUBLIC))
        assert said in str(caught.value), text
        assert "nothing was downloaded" in caught.value.state
        assert "hunter22" not in str(caught.value)
    with pytest.raises(UsageError, match="there is no private key"):
        Cipher().refuse_unless_fits(receipt(PUBLIC))
    Cipher().refuse_unless_fits(receipt())


@pytest.mark.parametrize(
    "harm", [lambda data: data[:-1], lambda data: data[:-1] + bytes([data[-1] ^ 1]), lambda data: b"x" + data]
)
def test_what_was_changed_or_cut_short_is_refused(harm: object) -> None:
    assert callable(harm)
    with pytest.raises(BackupError, match="x cannot be decrypted: it was changed or truncated"):
        reader(KEY).decrypt(BytesIO(harm(sealed(Cipher((PUBLIC,)), b"rows" * 50_000))), BytesIO(), "x")
