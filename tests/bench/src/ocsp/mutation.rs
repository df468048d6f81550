//! Millions of damaged requests for the parser, and a share of them as GET paths for the responder. No coverage guides
//! them: they are valid requests of every kind with a few octets changed, cut, doubled or put elsewhere.

use std::net::SocketAddr;
use std::time::Instant;

use ::ocsp::wire::{Nonce, OcspRequest, encode_request, plain_cert_id};
use base64::Engine as _;
use tokio::net::TcpStream;

use super::load;

/// A sequence that looks random and is the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0) % bound.max(1)
    }

    fn octet(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or(0)
    }

    fn damage(&mut self, request: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(request.len());
            match self.below(6) {
                0 => request[at] ^= 1 << self.below(8),
                1 => request[at] = self.octet(),
                2 => request.truncate(at.max(1)),
                3 => request.insert(at, self.octet()),
                4 => {
                    let until = at + self.below(request.len() - at);
                    let piece = request[at..until].to_vec();
                    let to = self.below(request.len());
                    request.splice(to..to, piece);
                    request.truncate(10 * 1024);
                }
                // A length, most likely: close to what it was.
                _ => request[at] = request[at].wrapping_add(u8::try_from(self.below(5)).unwrap_or(0)).wrapping_sub(2),
            }
        }
    }
}

/// Parses `runs` damaged requests, asks the responder by GET with each of a thousandth of them, and prints what came of it.
pub(super) async fn run(address: SocketAddr, ids: &[Vec<u8>], runs: u32) -> anyhow::Result<()> {
    let three: Vec<&[u8]> = ids.iter().take(3).map(Vec::as_slice).collect();
    let kinds = [
        encode_request(&three[..1], None)?,
        encode_request(&three, None)?,
        encode_request(&three[..1], Some(Nonce::new(&[7; 32])?))?,
        encode_request(&three, Some(Nonce::new(&[7; 128])?))?,
    ];
    let mut chance = Chance(0x5eed_0000_0000_0007);
    let (mut parsed, mut plain) = (0_u32, 0_u32);
    let (before, start) = (super::resident_mib()?, Instant::now());
    let mut request = Vec::new();
    let mut kept = Vec::new();
    for turn in 0..runs {
        request.clear();
        request.extend_from_slice(&kinds[chance.below(kinds.len())]);
        chance.damage(&mut request);
        parsed += u32::from(OcspRequest::parse(&request).is_ok());
        plain += u32::from(plain_cert_id(&request).is_some());
        if turn % 1000 == 0 {
            kept.push(request.clone());
        }
    }
    println!(
        "\n{runs} damaged requests in {:.1} s: no panic, {parsed} still were requests, {plain} in the plainest form; \
         resident memory {before} MiB before, {} MiB after",
        start.elapsed().as_secs_f64(),
        super::resident_mib()?,
    );
    let mut stream = TcpStream::connect(address).await?;
    let mut buffer = vec![0; 16 * 1024];
    for request in &kept {
        let mut path = base64::engine::general_purpose::STANDARD.encode(request);
        path.truncate(7000);
        if chance.below(4) == 0 {
            let at = chance.below(path.len());
            path.replace_range(at..at, "%2");
        }
        let get = format!("GET /ocsp/{path} HTTP/1.1\r\nHost: x\r\n\r\n");
        load::ask(&mut stream, get.as_bytes(), &mut buffer).await?;
    }
    println!("{} of them as paths of a GET: each was answered, on one connection", kept.len());
    Ok(())
}
