use super::*;
use crate::keys::testing::TestKey;
use crate::keys::verify::verify_with;
use crate::keys::{KeyKind, PublicKey, SignatureAlgorithm, good_key};
use openssl::bn::{BigNum, BigNumContext};

// GM/T 0003.5, appendix A.2.
const D: &str = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8";
const K: &str = "59276e27d506861a16680f3ad9c02dccef3cc1fa3cdbe4ce6d54b80deac1bc21";
const N: &str = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";
const Z: &str = "b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3";
const E: &str = "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640";
const R: &str = "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3";
const S: &str = "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa";

fn octets(hex_digits: &str) -> Vec<u8> {
    hex::decode(hex_digits).unwrap()
}

fn public_of(secret: &str) -> Point {
    let secret = sm2::SecretKey::from_slice(&octets(secret)).unwrap();
    secret.public_key().to_sec1_bytes()[1..].try_into().unwrap()
}

fn signature(r: &[u8], s: &[u8]) -> Vec<u8> {
    tlv::write(tag::SEQUENCE, &[tlv::positive_integer(r), tlv::positive_integer(s)])
}

#[test]
fn the_standards_own_example_comes_out() {
    let public = public_of(D);
    assert_eq!(hex::encode(z(&Sm2Id::STANDARD, &public)), Z);
    let mut hasher = Hasher::new(&Sm2Id::STANDARD, &public);
    hasher.update(b"message ");
    hasher.update(b"digest");
    assert_eq!(hex::encode(hasher.finish()), E);

    // r = e + x1, s = (1 + d)^-1 (k - r d), modulo n; x1 from k times the base point.
    let number = |hex_digits| BigNum::from_hex_str(hex_digits).unwrap();
    let (n, mut context) = (number(N), BigNumContext::new().unwrap());
    let fresh = || BigNum::new().unwrap();
    let (mut r, mut rd, mut rest, mut d1, mut inverse, mut s) = (fresh(), fresh(), fresh(), fresh(), fresh(), fresh());
    r.mod_add(&number(E), &BigNum::from_slice(&public_of(K)[..32]).unwrap(), &n, &mut context).unwrap();
    rd.mod_mul(&r, &number(D), &n, &mut context).unwrap();
    rest.mod_sub(&number(K), &rd, &n, &mut context).unwrap();
    d1.checked_add(&number(D), &BigNum::from_u32(1).unwrap()).unwrap();
    inverse.mod_inverse(&d1, &n, &mut context).unwrap();
    s.mod_mul(&inverse, &rest, &n, &mut context).unwrap();
    assert_eq!((r.to_vec(), s.to_vec()), (octets(R), octets(S)));

    let signature = signature(&octets(R), &octets(S));
    verify_with(&spki_of(&public), SignatureAlgorithm::Sm2Sm3, b"message digest", &signature).unwrap();
    assert_eq!(signature, signature_der(&[octets(R), octets(S)].concat().try_into().unwrap()));
}

#[test]
fn sm3_of_abc_comes_out() {
    let digest: [u8; 32] = Sm3::digest(b"abc").into();
    assert_eq!(hex::encode(digest), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
}

#[test]
fn a_signature_holds_under_its_id_only() {
    let key = TestKey::new(KeyKind::Sm2);
    let other: Sm2Id = "8765432187654321".parse().unwrap();
    for (made, asked) in [(Sm2Id::STANDARD, Sm2Id::EMPTY), (Sm2Id::EMPTY, Sm2Id::STANDARD), (other, Sm2Id::STANDARD)] {
        let signature = key.sign_under(&made, b"m");
        let verify = |id| PublicKey::under(&key.spki, id).unwrap().verify_with(key.algorithm(), b"m", &signature);
        verify(&made).unwrap();
        assert!(matches!(verify(&asked), Err(VerifyError::Signature)), "{made} as {asked}");
    }
}

#[test]
fn r_or_s_of_zero_or_beyond_the_order_is_refused() {
    let key = TestKey::new(KeyKind::Sm2);
    let genuine = key.sign(b"m");
    let numbers = tlv::single(&genuine, tag::SEQUENCE).unwrap().reader().rest().unwrap();
    let (r, s) = (numbers[0].content, numbers[1].content);
    let refused = |bent: &[u8]| verify_with(&key.spki, key.algorithm(), b"m", bent).is_err();
    assert!(!refused(&signature(r, s)));
    let (order, beyond) = (octets(N), [&[1][..], &[0; 32]].concat());
    for wrong in [&[][..], &order, &beyond] {
        assert!(refused(&signature(wrong, s)));
        assert!(refused(&signature(r, wrong)));
    }
    // r + s = n makes t zero, whatever the message is.
    let mut rest = BigNum::new().unwrap();
    rest.checked_sub(&BigNum::from_slice(&order).unwrap(), &BigNum::from_slice(r).unwrap()).unwrap();
    assert!(refused(&signature(r, &rest.to_vec())));
}

#[test]
fn a_signature_has_one_spelling() {
    let key = TestKey::new(KeyKind::Sm2);
    let genuine = key.sign(b"m");
    let numbers = tlv::single(&genuine, tag::SEQUENCE).unwrap().reader().rest().unwrap();
    let (r, s) = (numbers[0], numbers[1]);
    let needless = tlv::write(tag::INTEGER, &[&[0][..], r.content]);
    let negative = tlv::write(tag::INTEGER, &[&[0x80][..], &r.content[1..]]);
    for bent in [
        [&genuine[..], &[0]].concat(),
        tlv::write(tag::SEQUENCE, &[r.whole, s.whole, &[tag::NULL, 0]]),
        tlv::write(tag::SEQUENCE, &[r.whole]),
        tlv::write(tag::SEQUENCE, &[&needless, s.whole]),
        tlv::write(tag::SEQUENCE, &[&negative, s.whole]),
        [r.content, s.content].concat(),
    ] {
        assert!(verify_with(&key.spki, key.algorithm(), b"m", &bent).is_err(), "{}", hex::encode(bent));
    }
}

#[test]
fn keys_and_algorithms_of_other_curves_do_not_pass_for_sm2() {
    let (sm2, p256) = (TestKey::new(KeyKind::Sm2), TestKey::new(KeyKind::P256));
    let signature = sm2.sign(b"m");
    for algorithm in [SignatureAlgorithm::EcdsaSha256, SignatureAlgorithm::EcdsaSha384, SignatureAlgorithm::RsaSha256] {
        assert!(matches!(verify_with(&sm2.spki, algorithm, b"m", &signature), Err(VerifyError::Key(_))));
    }
    let with_sm2 = verify_with(&p256.spki, SignatureAlgorithm::Sm2Sm3, b"m", &p256.sign(b"m"));
    assert!(matches!(with_sm2, Err(VerifyError::Key(_))));

    // The point of one curve under the name of the other is on neither.
    let (Ok(Spki::Ec { point: on_sm2, .. }), Ok(Spki::Ec { point: on_p256, .. })) =
        (Spki::read(&sm2.spki), Spki::read(&p256.spki))
    else {
        panic!("curves")
    };
    for swapped in [Spki::Ec { curve: oid::SM2, point: on_p256 }, Spki::Ec { curve: oid::P256, point: on_sm2 }] {
        assert!(PublicKey::read(&swapped.der()).is_err());
        assert!(good_key::check(&swapped.der()).is_err());
    }
}

#[test]
fn a_good_key_has_one_form() {
    let key = TestKey::new(KeyKind::Sm2);
    assert_eq!(good_key::check(&key.spki), Ok(KeyKind::Sm2));
    let point = point_of(&key.spki).unwrap();
    assert_eq!(spki_of(&point), key.spki);
    let wrap = |point: &[u8]| Spki::Ec { curve: oid::SM2, point }.der();
    let sign_of_y = 2 + (point[63] & 1);
    let mut off = key.spki.clone();
    *off.last_mut().unwrap() ^= 1;
    for wrong in [
        off,
        wrap(&[&[sign_of_y][..], &point[..32]].concat()),
        wrap(&[&[4 + sign_of_y][..], &point].concat()),
        wrap(&[0]),
        wrap(&point),
        [&key.spki[..], &[0]].concat(),
    ] {
        assert!(good_key::check(&wrong).is_err(), "{}", hex::encode(wrong));
    }
}
