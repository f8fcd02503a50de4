"""A plugin of pytest: whatever LangGraph's own tests serialize has gone through our serializer, byte for byte."""

from typing import Any

import persql_native
from langgraph.checkpoint.serde.base import CipherProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

Typed = tuple[str, bytes]

PLAIN = persql_native.Serde()
dumps = JsonPlusSerializer.dumps_typed
loads = JsonPlusSerializer.loads_typed
from_pycryptodome_aes = EncryptedSerializer.from_pycryptodome_aes


def through_ours(typed: Typed) -> Typed:
    """Read and written by ours, and still the same."""
    tag, data = typed
    ours = PLAIN.dumps((tag, bytes(data)))
    if tag == "bytearray":
        # Ours reads this tag and does not write it: Rust has one type of bytes.
        assert ours == ("bytes", data)
        return typed
    assert ours == typed, f"ours differ: {ours!r}, not {typed!r}"
    return ours


def dumps_typed(self: JsonPlusSerializer, obj: Any) -> Typed:
    return through_ours(dumps(self, obj))


def loads_typed(self: JsonPlusSerializer, typed: Typed) -> Any:
    if typed[0] == "msgpack":
        typed = through_ours(typed)
    elif typed[0] == "json":
        PLAIN.dumps(typed)
    return loads(self, typed)


class Cipher(CipherProtocol):
    """Encrypts and decrypts with ours; what either wrote, the other reads."""

    def __init__(self, key: bytes, theirs: CipherProtocol) -> None:
        self.ours = persql_native.Serde(key)
        self.theirs = theirs

    def encrypt(self, plaintext: bytes) -> Typed:
        tag, ciphertext = self.ours.dumps(("bytes", plaintext))
        assert tag == "bytes+aes"
        assert self.theirs.decrypt("aes", ciphertext) == plaintext
        assert self.decrypt(*self.theirs.encrypt(plaintext)) == plaintext
        return "aes", ciphertext

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        tag, plaintext = self.ours.loads((f"bytes+{ciphername}", ciphertext))
        assert tag == "bytes"
        return plaintext


def with_our_cipher(serde: Any, *, key: bytes) -> EncryptedSerializer:
    encrypted = from_pycryptodome_aes(serde, key=key)
    encrypted.cipher = Cipher(key, encrypted.cipher)
    return encrypted


JsonPlusSerializer.dumps_typed = dumps_typed
JsonPlusSerializer.loads_typed = loads_typed
EncryptedSerializer.from_pycryptodome_aes = staticmethod(with_our_cipher)
