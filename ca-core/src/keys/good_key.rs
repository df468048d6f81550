//! Which public keys may stand in a certificate.
//!
//! After the Baseline Requirements §6.1.6 and NIST SP 800-89 §5.3.3: sizes, exponent, and the weaknesses that
//! can be seen from outside at little cost. An encoding other than the one canonical form is refused as well,
//! so that one key has one SHA-256.

use const_oid::ObjectIdentifier;
use openssl::bn::{BigNum, BigNumContext, BigNumRef};

use super::spki::Spki;
use super::verify::VerifyError;
use super::{KeyKind, oid, public_key};

/// Why a key may not stand in a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// No key that we can read, a foreign curve, a point that is not on its curve, or RSA below 2048 bits.
    #[error("not a key that we take: {0}")]
    Unreadable(&'static str),
    /// RSA of another size than 2048, 3072 or 4096 bits.
    #[error("RSA keys have 2048, 3072 or 4096 bits")]
    Size,
    /// Not the canonical DER of this key.
    #[error("the key is not in canonical encoding")]
    Encoding,
    /// RSA exponent that is even, below 65537 or above 2^256.
    #[error("the RSA exponent is not between 65537 and 2^256, or is even")]
    Exponent,
    /// The RSA modulus is even or has a small prime factor.
    #[error("the RSA modulus has a small factor")]
    SmallFactor,
    /// The modulus has the fingerprint of a broken generator (CVE-2017-15361, ROCA).
    #[error("the RSA key comes from a broken generator (ROCA)")]
    Roca,
    /// The two primes are so close that Fermat's method finds them.
    #[error("the primes of the RSA key are too close")]
    CloseFactors,
    /// OpenSSL ran out of memory or the like; nothing is known of the key.
    #[error("the key could not be examined")]
    Unexamined,
}

impl From<VerifyError> for KeyRefusal {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Key(why) => Self::Unreadable(why),
            VerifyError::Algorithm(_) | VerifyError::Signature => Self::Unexamined,
        }
    }
}

impl From<openssl::error::ErrorStack> for KeyRefusal {
    fn from(_: openssl::error::ErrorStack) -> Self {
        Self::Unexamined
    }
}

/// Examines a SubjectPublicKeyInfo.
///
/// # Errors
/// [`KeyRefusal`]: whoever made the key must make another.
pub fn check(spki_der: &[u8]) -> Result<KeyKind, KeyRefusal> {
    let parts = Spki::read(spki_der)?;
    public_key::examine(parts)?;
    let kind = match parts {
        Spki::Ec { curve, point } => on_curve(curve, point)?,
        Spki::Rsa { modulus, exponent } => rsa(&*BigNum::from_slice(modulus)?, &*BigNum::from_slice(exponent)?)?,
    };
    if parts.der() == spki_der { Ok(kind) } else { Err(KeyRefusal::Encoding) }
}

fn on_curve(curve: ObjectIdentifier, point: &[u8]) -> Result<KeyKind, KeyRefusal> {
    let (kind, octets) = match curve {
        oid::P256 => (KeyKind::P256, 65),
        oid::P384 => (KeyKind::P384, 97),
        oid::SM2 => (KeyKind::Sm2, 65),
        _ => return Err(KeyRefusal::Unreadable("the curve must be P-256, P-384 or that of SM2")),
    };
    // RFC 5480 §2.2: uncompressed is the form that all must take.
    if point.len() == octets && point[0] == 4 { Ok(kind) } else { Err(KeyRefusal::Encoding) }
}

fn rsa(modulus: &BigNumRef, exponent: &BigNumRef) -> Result<KeyKind, KeyRefusal> {
    let kind = match modulus.num_bits() {
        2048 => KeyKind::Rsa2048,
        3072 => KeyKind::Rsa3072,
        4096 => KeyKind::Rsa4096,
        _ => return Err(KeyRefusal::Size),
    };
    if !exponent.is_bit_set(0) || exponent.num_bits() > 256 || *exponent < *BigNum::from_u32(65_537)? {
        return Err(KeyRefusal::Exponent);
    }
    if has_small_factor(modulus)? {
        return Err(KeyRefusal::SmallFactor);
    }
    if is_roca(modulus)? {
        return Err(KeyRefusal::Roca);
    }
    if has_close_factors(modulus)? {
        return Err(KeyRefusal::CloseFactors);
    }
    Ok(kind)
}

/// Divides by the primes below 752 (SP 800-89 §5.3.3 asks for at least these).
fn has_small_factor(modulus: &BigNumRef) -> Result<bool, KeyRefusal> {
    for candidate in 2..752_u32 {
        if (2..candidate).take_while(|d| d * d <= candidate).all(|d| candidate % d != 0)
            && modulus.mod_word(candidate)? == 0
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The fingerprint of Nemec et al. (CCS 2017): modulo each of these primes the modulus is a power of 65537.
/// A sound key passes for a broken one with a chance of about 2^-27.
fn is_roca(modulus: &BigNumRef) -> Result<bool, KeyRefusal> {
    const PRIMES: [u64; 17] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
    for prime in PRIMES {
        let residue = modulus.mod_word(u32::try_from(prime).unwrap_or(u32::MAX))?;
        let mut power = 1_u64;
        let member = (0..prime).any(|_| {
            power = power * 65_537 % prime;
            power == residue
        });
        if !member {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A hundred rounds of Fermat's method, as the Baseline Requirements §6.1.1.3 ask.
fn has_close_factors(modulus: &BigNumRef) -> Result<bool, KeyRefusal> {
    let mut context = BigNumContext::new()?;
    let mut a = square_root(modulus, &mut context)?;
    for _ in 0..100 {
        a.add_word(1)?;
        let (mut square, mut rest, mut back) = (BigNum::new()?, BigNum::new()?, BigNum::new()?);
        square.sqr(&a, &mut context)?;
        rest.checked_sub(&square, modulus)?;
        if !may_be_square(&rest)? {
            continue;
        }
        let root = square_root(&rest, &mut context)?;
        back.sqr(&root, &mut context)?;
        if back == rest {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a number leaves residues that squares leave: of the others it lets fewer than 1 in 100 pass, which
/// spares most of the roots.
fn may_be_square(n: &BigNumRef) -> Result<bool, KeyRefusal> {
    const MODULI: [u64; 4] = [64, 63, 65, 11];
    let residue = n.mod_word(64 * 63 * 65 * 11)?;
    Ok(MODULI.iter().all(|modulus| (0..*modulus).any(|root| root * root % modulus == residue % modulus)))
}

/// The integer square root, by Newton's method from above.
fn square_root(n: &BigNumRef, context: &mut BigNumContext) -> Result<BigNum, KeyRefusal> {
    let mut x = BigNum::new()?;
    x.set_bit(n.num_bits() / 2 + 1)?;
    loop {
        let (mut quotient, mut next, mut half) = (BigNum::new()?, BigNum::new()?, BigNum::new()?);
        quotient.checked_div(n, &x, context)?;
        next.checked_add(&x, &quotient)?;
        half.rshift1(&next)?;
        if half >= x {
            return Ok(x);
        }
        x = half;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::testing::TestKey;
    use crate::tlv::{self, tag};
    use openssl::bn::MsbOption;
    use openssl::nid::Nid;
    use openssl::pkey::PKey;
    use openssl::rsa::Rsa;

    fn spki(n: BigNum, e: u32) -> Vec<u8> {
        let rsa = Rsa::from_public_components(n, BigNum::from_u32(e).expect("e")).expect("rsa");
        PKey::from_rsa(rsa).and_then(|key| key.public_key_to_der()).expect("DER")
    }

    fn modulus(bits: u32) -> BigNum {
        Rsa::generate(bits).expect("rsa").n().to_owned().expect("n")
    }

    #[test]
    fn sound_keys_are_accepted_and_named() {
        for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048] {
            assert_eq!(check(&TestKey::new(kind).spki), Ok(kind));
        }
    }

    #[test]
    fn short_and_odd_sized_rsa_is_refused() {
        assert!(matches!(check(&spki(modulus(1024), 65_537)), Err(KeyRefusal::Unreadable(_))));
        assert_eq!(check(&spki(modulus(2056), 65_537)), Err(KeyRefusal::Size));
    }

    #[test]
    fn small_and_even_exponents_are_refused() {
        let n = modulus(2048);
        assert_eq!(check(&spki(n.to_owned().expect("n"), 3)), Err(KeyRefusal::Exponent));
        assert_eq!(check(&spki(n, 65_538)), Err(KeyRefusal::Exponent));
    }

    #[test]
    fn a_modulus_with_a_small_factor_is_refused() {
        let (mut odd, mut n) = (BigNum::new().expect("bn"), BigNum::new().expect("bn"));
        odd.rand(2038, MsbOption::TWO_ONES, true).expect("rand");
        let mut context = BigNumContext::new().expect("ctx");
        n.checked_mul(&odd, &BigNum::from_u32(751).expect("bn"), &mut context).expect("mul");
        assert_eq!(n.num_bits(), 2048);
        assert_eq!(check(&spki(n, 65_537)), Err(KeyRefusal::SmallFactor));
    }

    #[test]
    fn close_primes_are_refused() {
        let mut context = BigNumContext::new().expect("ctx");
        let (mut p, mut q, mut n) =
            (BigNum::new().expect("bn"), BigNum::new().expect("bn"), BigNum::new().expect("bn"));
        p.generate_prime(1024, false, None, None).expect("p");
        q.checked_add(&p, &BigNum::from_u32(2).expect("bn")).expect("add");
        while !q.is_prime(32, &mut context).expect("test") {
            q.add_word(2).expect("add");
        }
        n.checked_mul(&p, &q, &mut context).expect("mul");
        assert_eq!(check(&spki(n, 65_537)), Err(KeyRefusal::CloseFactors));
    }

    #[test]
    fn the_fingerprint_of_the_broken_generator_is_seen() {
        // A power of 65537 has the fingerprint by construction: 65537^120 has 1921 bits.
        let mut context = BigNumContext::new().expect("ctx");
        let mut power = BigNum::new().expect("bn");
        let base = BigNum::from_u32(65_537).expect("bn");
        power.exp(&base, &BigNum::from_u32(120).expect("bn"), &mut context).expect("exp");
        assert_eq!(is_roca(&power), Ok(true));
        assert_eq!(is_roca(&modulus(2048)), Ok(false));
    }

    #[test]
    fn a_point_off_the_curve_is_refused() {
        let mut spki = TestKey::new(KeyKind::P256).spki;
        let last = spki.len() - 1;
        spki[last] ^= 1;
        assert!(matches!(check(&spki), Err(KeyRefusal::Unreadable(_))));
    }

    #[test]
    fn rsa_without_its_null_is_read_but_not_certified() {
        let canonical = TestKey::new(KeyKind::Rsa2048).spki;
        let key = tlv::single(&canonical, tag::SEQUENCE).and_then(|spki| spki.reader().rest()).expect("parts")[1].whole;
        let name = tlv::write(tag::OID, &[oid::RSA.as_bytes()]);
        let bare = tlv::write(tag::SEQUENCE, &[&tlv::write(tag::SEQUENCE, &[name])[..], key]);
        assert!(super::super::PublicKey::read(&bare).is_ok());
        assert_eq!(check(&bare), Err(KeyRefusal::Encoding));
    }

    #[test]
    fn compressed_points_are_refused() {
        use openssl::ec::{EcGroup, PointConversionForm};
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("curve");
        let key = TestKey::new(KeyKind::P256);
        let mut context = BigNumContext::new().expect("ctx");
        let ec = key.private.ec_key().expect("ec");
        let point = ec.public_key().to_bytes(&group, PointConversionForm::COMPRESSED, &mut context).expect("point");
        let algorithm = tlv::single(&key.spki, tag::SEQUENCE).expect("spki").reader().next().expect("algorithm").whole;
        let spki = tlv::write(tag::SEQUENCE, &[algorithm, &tlv::write(tag::BIT_STRING, &[&[0][..], &point])]);
        assert_eq!(check(&spki), Err(KeyRefusal::Encoding));
    }
}
