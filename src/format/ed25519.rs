//! Ed25519 (RFC 8032) with the keys by which a signature shows that somebody has a private one. For
//! a point of small order signatures can be made without any: such keys are none here, nor are
//! points in another than their one encoding. Signatures are held to S < L, and R to its bytes, by
//! `ring`.

use ring::signature::{ED25519, UnparsedPublicKey};

/// The y coordinates of the points whose order divides 8, in their one encoding; the sign of x, the
/// highest bit, left out.
const SMALL_ORDER: [[u8; 32]; 5] = [
    // Order 4.
    [0; 32],
    // The identity.
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    // Order 2: p - 1.
    {
        let mut minus_one = [0xff; 32];
        (minus_one[0], minus_one[31]) = (0xec, 0x7f);
        minus_one
    },
    // Order 8.
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

/// Whether 32 bytes may be a public key: y below 2^255 - 19, and no point of small order. Whether
/// they are a point at all shows when a signature is checked.
pub fn is_key(key: &[u8; 32]) -> bool {
    let mut y = *key;
    y[31] &= 0x7f;
    let reduced = y[0] < 0xed || y[31] != 0x7f || y[1..31].iter().any(|byte| *byte != 0xff);
    reduced && !SMALL_ORDER.contains(&y)
}

/// Whether a signature is over a message, by a key that counts.
pub fn verifies(key: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    is_key(key) && UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::digest::{SHA512, digest};
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    /// The order of the group, little-endian.
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

    /// The scalar a of a seed, below L, and the point aB.
    fn scalar(seed: [u8; 32]) -> ([u8; 32], [u8; 32]) {
        let mut a = [0; 32];
        a.copy_from_slice(&digest(&SHA512, &seed).as_ref()[..32]);
        a[0] &= 0xf8;
        a[31] = (a[31] & 0x7f) | 0x40;
        while a.iter().rev().cmp(L.iter().rev()).is_ge() {
            let mut borrow = 0;
            for (byte, of) in a.iter_mut().zip(L) {
                let left = i16::from(*byte) - i16::from(of) - borrow;
                borrow = i16::from(left < 0);
                *byte = left.rem_euclid(256) as u8;
            }
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let mut point = [0; 32];
        point.copy_from_slice(pair.public_key().as_ref());
        (a, point)
    }

    /// R = aB and S = a: nobody needs a private key of a point that h times is nothing.
    fn forged() -> [u8; 64] {
        let (a, point) = scalar([7; 32]);
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&point);
        signature[32..].copy_from_slice(&a);
        signature
    }

    #[test]
    fn a_signature_passes_without_a_private_key_by_points_of_small_order_and_not_here() {
        let signature = forged();
        let mut passed = 0;
        for y in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut key = y;
                key[31] |= sign;
                let messages = (0..200_u32).map(u32::to_be_bytes);
                let passes = messages.filter(|message| {
                    let raw = UnparsedPublicKey::new(&ED25519, key);
                    assert!(!verifies(&key, message, &signature));
                    raw.verify(message, &signature).is_ok()
                });
                // One in eight at least, unless these bytes are no point.
                let passes = passes.count();
                passed += usize::from(passes > 0);
                assert!(passes == 0 || passes > 5, "{key:x?}: {passes}");
                assert!(!is_key(&key));
            }
        }
        // The identity and the point of order 2 have no x to have a sign.
        assert!(passed >= 8, "{passed}");
    }

    #[test]
    fn a_point_has_one_encoding() {
        for more in 0..19 {
            for sign in [0x7f, 0xff] {
                let mut key = [0xff; 32];
                (key[0], key[31]) = (0xed + more, sign);
                assert!(!is_key(&key), "p + {more}");
            }
        }
        let mut largest = [0xff; 32];
        (largest[0], largest[31]) = (0xeb, 0x7f);
        assert!(is_key(&largest), "p - 2");
    }

    proptest! {
        #[test]
        fn keys_that_somebody_has_are_keys(seed: [u8; 32], message: Vec<u8>) {
            let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
            let mut key = [0; 32];
            key.copy_from_slice(pair.public_key().as_ref());
            prop_assert!(is_key(&key));
            let signature = pair.sign(&message);
            prop_assert!(verifies(&key, &message, signature.as_ref()));
            // S + L is the same number, and another signature: it is refused.
            let mut other = [0; 64];
            other.copy_from_slice(signature.as_ref());
            let mut carry = 0;
            for (byte, of) in other[32..].iter_mut().zip(L) {
                let sum = u16::from(*byte) + u16::from(of) + carry;
                (*byte, carry) = (sum as u8, sum >> 8);
            }
            prop_assert!(!verifies(&key, &message, &other));
        }
    }
}
