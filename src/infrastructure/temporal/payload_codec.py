"""Encrypts what Temporal keeps: inputs, results, signals, failures, memos.

Search attributes, workflow ids and types stay readable: Temporal searches by them. Keys have ids, so a new one can come
first while the old one still decrypts what was written before.
"""

import base64
import binascii
import dataclasses
import os
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from src.domain.errors import SettingProblem, SettingsInvalid

VARIABLE = "LONGTAIL_PAYLOAD_KEYS"
_ENCODING = b"binary/encrypted"
_NONCE_BYTES = 12
_KEY_BYTES = 32  # AES-256


class EncryptedPayloads(PayloadCodec):
    """AES-GCM with the first of the keys; all of them decrypt."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._first = next(iter(keys))

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads encrypted."""
        return [self._encrypted(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads as they were.

        Those from before there was a key are left as they are. Raises SettingsInvalid for a key that is missing.
        """
        return [self._decrypted(payload) for payload in payloads]

    def _encrypted(self, payload: Payload) -> Payload:
        nonce, name = os.urandom(_NONCE_BYTES), self._first.encode()
        sealed = self._ciphers[self._first].encrypt(nonce, payload.SerializeToString(), name)
        return Payload(metadata={"encoding": _ENCODING, "encryption-key-id": name}, data=nonce + sealed)

    def _decrypted(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != _ENCODING:
            return payload
        name = payload.metadata.get("encryption-key-id", b"")
        cipher = self._ciphers.get(name.decode(errors="replace"))
        if cipher is None:
            raise _problem(f"Temporal holds what was encrypted with the key {name.decode(errors='replace')!r}; add it")
        nonce, sealed = payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:]
        try:
            return Payload.FromString(cipher.decrypt(nonce, sealed, name))
        except InvalidTag as error:
            raise _problem(f"the key {name.decode()!r} is not the one that encrypted what Temporal holds") from error


def data_converter(keys: SecretStr | None) -> DataConverter:
    """Return how values become payloads, encrypted where there are keys.

    ``keys`` are written ID:KEY, parted by |, each key 32 bytes in base64; the first encrypts. Messages and stack traces
    of failures are encrypted too. Raises SettingsInvalid.
    """
    if keys is None:
        return pydantic_data_converter
    return dataclasses.replace(
        pydantic_data_converter,
        payload_codec=EncryptedPayloads(_parsed(keys.get_secret_value())),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


def _parsed(text: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for number, part in enumerate(text.split("|"), 1):
        name, _, encoded = part.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not name or name in keys or len(key) != _KEY_BYTES:
            raise _problem(f"key {number}: write ID:KEY with an id of its own and {_KEY_BYTES} bytes in base64")
        keys[name] = key
    return keys


def _problem(text: str) -> SettingsInvalid:
    return SettingsInvalid(SettingProblem(VARIABLE, text))
