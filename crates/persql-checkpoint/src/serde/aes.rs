//! The cipher of LangGraph's `EncryptedSerializer`: AES in EAX mode, as PyCryptodome does it.
//!
//! The bytes are a nonce of 16 bytes, a tag of 16 bytes, and the ciphertext; there is no associated data.

use std::fmt;

use aes::{Aes128, Aes192, Aes256};
use eax::aead::{AeadInOut, KeyInit, Nonce, Tag};
use eax::{Eax, aead::Generate};
use persql_core::{Error, ErrorKind, Result};

const NONCE: usize = 16;
const TAG: usize = 16;

/// A key, ready to use. Never shown.
#[derive(Clone)]
pub(super) enum Cipher {
    Aes128(Box<Eax<Aes128>>),
    Aes192(Box<Eax<Aes192>>),
    Aes256(Box<Eax<Aes256>>),
}

impl Cipher {
    pub(super) fn new(key: &[u8]) -> Result<Self> {
        let cipher = match key.len() {
            16 => Eax::new_from_slice(key).map(|cipher| Cipher::Aes128(Box::new(cipher))),
            24 => Eax::new_from_slice(key).map(|cipher| Cipher::Aes192(Box::new(cipher))),
            _ => Eax::new_from_slice(key).map(|cipher| Cipher::Aes256(Box::new(cipher))),
        };
        cipher.map_err(|_| Error::invalid(format!("an AES key has 16, 24 or 32 bytes, and this has {}", key.len())))
    }

    /// Encrypts under a new random nonce.
    pub(super) fn encrypt(&self, plain: Vec<u8>) -> Result<Vec<u8>> {
        let nonce = <[u8; NONCE]>::try_generate()
            .map_err(|_| Error::new(ErrorKind::Unavailable, "the system gives no random numbers for a nonce"))?;
        self.encrypt_with(nonce, plain)
    }

    fn encrypt_with(&self, nonce: [u8; NONCE], mut plain: Vec<u8>) -> Result<Vec<u8>> {
        let tag = match self {
            Cipher::Aes128(cipher) => seal(cipher.as_ref(), nonce, &mut plain),
            Cipher::Aes192(cipher) => seal(cipher.as_ref(), nonce, &mut plain),
            Cipher::Aes256(cipher) => seal(cipher.as_ref(), nonce, &mut plain),
        };
        let tag = tag.ok_or_else(|| Error::new(ErrorKind::TooLarge, "a value is too large to be encrypted"))?;
        Ok([&nonce, tag.as_slice(), &plain].concat())
    }

    /// Decrypts, if the tag shows that nothing was altered.
    pub(super) fn decrypt(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let refused = |reason| Error::new(ErrorKind::Corrupt, reason);
        let parts = bytes.split_first_chunk::<NONCE>();
        let Some((nonce, (tag, text))) =
            parts.and_then(|(nonce, rest)| Some((nonce, rest.split_first_chunk::<TAG>()?)))
        else {
            return Err(refused("an encrypted value is too short to be one"));
        };
        let mut plain = text.to_vec();
        let opened = match self {
            Cipher::Aes128(cipher) => open(cipher.as_ref(), *nonce, *tag, &mut plain),
            Cipher::Aes192(cipher) => open(cipher.as_ref(), *nonce, *tag, &mut plain),
            Cipher::Aes256(cipher) => open(cipher.as_ref(), *nonce, *tag, &mut plain),
        };
        if opened { Ok(plain) } else { Err(refused("a value does not decrypt: it has another key, or was altered")) }
    }
}

fn seal<C: AeadInOut>(cipher: &C, nonce: [u8; NONCE], text: &mut [u8]) -> Option<Vec<u8>> {
    let nonce = Nonce::<C>::try_from(nonce.as_slice()).ok()?;
    cipher.encrypt_inout_detached(&nonce, b"", text.into()).ok().map(|tag| tag.to_vec())
}

fn open<C: AeadInOut>(cipher: &C, nonce: [u8; NONCE], tag: [u8; TAG], text: &mut [u8]) -> bool {
    let (nonce, tag) = (Nonce::<C>::try_from(nonce.as_slice()), Tag::<C>::try_from(tag.as_slice()));
    let (Ok(nonce), Ok(tag)) = (nonce, tag) else { return false };
    cipher.decrypt_inout_detached(&nonce, b"", text.into(), &tag).is_ok()
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("aes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"0123456789abcdef";

    #[test]
    fn the_reference_vector_is_met() {
        let nonce = std::array::from_fn(|n| u8::try_from(n).unwrap());
        let bytes = Cipher::new(KEY).unwrap().encrypt_with(nonce, vec![0x81, 0xa1, 0x61, 0x01]).unwrap();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "000102030405060708090a0b0c0d0e0fc7c2691f06468883b79bdb5f585259558ee5b0e7");
        assert_eq!(Cipher::new(KEY).unwrap().decrypt(&bytes).unwrap(), [0x81, 0xa1, 0x61, 0x01]);
    }

    #[test]
    fn a_changed_bit_or_another_key_is_noticed() {
        let cipher = Cipher::new(KEY).unwrap();
        let bytes = cipher.encrypt(b"hush".to_vec()).unwrap();
        assert_eq!(cipher.decrypt(&bytes).unwrap(), b"hush");
        for position in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[position] ^= 1;
            assert_eq!(cipher.decrypt(&changed).unwrap_err().kind(), ErrorKind::Corrupt);
        }
        for short in 0..NONCE + TAG {
            assert_eq!(cipher.decrypt(&bytes[..short]).unwrap_err().kind(), ErrorKind::Corrupt);
        }
        assert!(Cipher::new(b"0123456789abcdeg").unwrap().decrypt(&bytes).is_err());
    }

    #[test]
    fn keys_have_three_lengths_and_nonces_never_repeat() {
        for length in 0..40 {
            let cipher = Cipher::new(&vec![7; length]);
            assert_eq!(cipher.is_ok(), [16, 24, 32].contains(&length), "{length}");
            if let Ok(cipher) = cipher {
                let (one, two) = (cipher.encrypt(vec![]).unwrap(), cipher.encrypt(vec![]).unwrap());
                assert_eq!((one.len(), cipher.decrypt(&one).unwrap().len()), (32, 0));
                assert_ne!(one, two);
            }
        }
    }
}
