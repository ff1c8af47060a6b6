//! Reads one request a line on standard input and answers with one line: "ok" and values, or
//! "error". Byte strings are hexadecimal, an empty one is "-", hops are PUBLIC:ADDRESS:DELAY_NS.
//!
//!   build VERSION PAYLOAD_SIZE INITIAL_SECRET DESTINATION IDENTIFIER MESSAGE HOP...   packet
//!   process SECRET PACKET          forward ADDRESS DELAY_NS PACKET | final DESTINATION IDENTIFIER PAYLOAD
//!   read PAYLOAD                                                                      message
//!   surb INITIAL_SECRET DESTINATION IDENTIFIER HOP...                        surb, recovery
//!   use SURB PAYLOAD_SIZE MESSAGE                                            address, packet
//!   recover RECOVERY PAYLOAD                                                          message
//!   time-unwrap SECRET PACKET COUNT         nanoseconds of COUNT unwraps of copies, one by one
//!   time-build PAYLOAD_SIZE MESSAGE COUNT HOP...               nanoseconds of COUNT creations

use sphinx_packet::header::delays::Delay;
use sphinx_packet::payload::Payload;
use sphinx_packet::route::{Destination, DestinationAddressBytes, Node, NodeAddressBytes};
use sphinx_packet::version::Version;
use sphinx_packet::{
    ProcessedPacketData, SURBMaterial, SphinxPacket, SphinxPacketBuilder, SurbReplyRecovery, SURB,
};
use std::io::{BufRead, Write};
use x25519_dalek::{PublicKey, StaticSecret};

type Answer = Result<String, String>;

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

fn to_hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_string();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(word: &str) -> Result<Vec<u8>, String> {
    if word == "-" {
        return Ok(Vec::new());
    }
    if word.len() % 2 != 0 {
        return Err("odd number of digits".to_string());
    }
    (0..word.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&word[i..i + 2], 16).map_err(text))
        .collect()
}

fn array<const N: usize>(word: &str) -> Result<[u8; N], String> {
    from_hex(word)?.try_into().map_err(|_| format!("not {N} bytes"))
}

fn number<T: std::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("not a number: {word}"))
}

fn route(words: &[&str]) -> Result<(Vec<Node>, Vec<Delay>), String> {
    let mut nodes = Vec::new();
    let mut delays = Vec::new();
    for word in words {
        let parts: Vec<&str> = word.split(':').collect();
        if parts.len() != 3 {
            return Err(format!("not a hop: {word}"));
        }
        let key = PublicKey::from(array::<32>(parts[0])?);
        nodes.push(Node::new(NodeAddressBytes::from_bytes(array(parts[1])?), key));
        delays.push(Delay::new_from_nanos(number(parts[2])?));
    }
    Ok((nodes, delays))
}

fn destination(address: &str, identifier: &str) -> Result<Destination, String> {
    let address = DestinationAddressBytes::from_bytes(array(address)?);
    Ok(Destination::new(address, array(identifier)?))
}

fn build(words: &[&str]) -> Answer {
    let [version, size, secret, address, identifier, message, hops @ ..] = words else {
        return Err("too few words".to_string());
    };
    let (nodes, delays) = route(hops)?;
    let secret = StaticSecret::from(array::<32>(secret)?);
    let packet = SphinxPacketBuilder::new()
        .with_version(Version::new(number(version)?))
        .with_payload_size(number(size)?)
        .with_initial_secret(&secret)
        .build_packet(from_hex(message)?, &nodes, &destination(address, identifier)?, &delays)
        .map_err(text)?;
    Ok(to_hex(&packet.to_bytes()))
}

fn process(words: &[&str]) -> Answer {
    let [secret, packet] = words else {
        return Err("two words expected".to_string());
    };
    let secret = StaticSecret::from(array::<32>(secret)?);
    let packet = SphinxPacket::from_bytes(&from_hex(packet)?).map_err(text)?;
    match packet.process(&secret).map_err(text)?.data {
        ProcessedPacketData::ForwardHop { next_hop_packet, next_hop_address, delay } => Ok(format!(
            "forward {} {} {}",
            to_hex(next_hop_address.as_bytes()),
            delay.to_nanos(),
            to_hex(&next_hop_packet.to_bytes())
        )),
        ProcessedPacketData::FinalHop { destination, identifier, payload } => Ok(format!(
            "final {} {} {}",
            to_hex(destination.as_bytes_ref()),
            to_hex(&identifier),
            to_hex(payload.as_bytes())
        )),
    }
}

fn read(words: &[&str]) -> Answer {
    let [payload] = words else {
        return Err("one word expected".to_string());
    };
    let payload = Payload::from_bytes(&from_hex(payload)?).map_err(text)?;
    Ok(to_hex(&payload.recover_plaintext().map_err(text)?))
}

fn surb(words: &[&str]) -> Answer {
    let [secret, address, identifier, hops @ ..] = words else {
        return Err("too few words".to_string());
    };
    let (nodes, delays) = route(hops)?;
    let destination = destination(address, identifier)?;
    let material = SURBMaterial::new(nodes, delays, destination, Version::new(260));
    let secret = StaticSecret::from(array::<32>(secret)?);
    let (surb, recovery) = SURB::new_recoverable(secret, material).map_err(text)?;
    Ok(format!("{} {}", to_hex(&surb.to_bytes()), to_hex(&recovery.to_bytes())))
}

fn use_surb(words: &[&str]) -> Answer {
    let [surb, size, message] = words else {
        return Err("three words expected".to_string());
    };
    let surb = SURB::from_bytes(&from_hex(surb)?).map_err(text)?;
    let (packet, first) = surb.use_surb(&from_hex(message)?, number(size)?).map_err(text)?;
    Ok(format!("{} {}", to_hex(first.as_bytes()), to_hex(&packet.to_bytes())))
}

fn recover(words: &[&str]) -> Answer {
    let [recovery, payload] = words else {
        return Err("two words expected".to_string());
    };
    let recovery = SurbReplyRecovery::from_bytes(&from_hex(recovery)?).map_err(text)?;
    let payload = Payload::from_bytes(&from_hex(payload)?).map_err(text)?;
    Ok(to_hex(&recovery.recover_plaintext(payload).map_err(text)?))
}

/// This thread's processor time: what a neighbour on the core takes is not counted.
fn thread_nanoseconds() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a valid timespec for the call to fill.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) };
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

fn time_unwrap(words: &[&str]) -> Answer {
    let [secret, packet, count] = words else {
        return Err("three words expected".to_string());
    };
    let secret = StaticSecret::from(array::<32>(secret)?);
    let bytes = from_hex(packet)?;
    let mut times = Vec::new();
    for _ in 0..number::<usize>(count)? {
        let packet = SphinxPacket::from_bytes(&bytes).map_err(text)?;
        let start = thread_nanoseconds();
        let processed = packet.process(&secret);
        times.push((thread_nanoseconds() - start).to_string());
        processed.map_err(text)?;
    }
    Ok(times.join(" "))
}

fn time_build(words: &[&str]) -> Answer {
    let [size, message, count, hops @ ..] = words else {
        return Err("too few words".to_string());
    };
    let (nodes, delays) = route(hops)?;
    let message = from_hex(message)?;
    let destination = Destination::new(DestinationAddressBytes::from_bytes([7; 32]), [9; 16]);
    let builder = SphinxPacketBuilder::new().with_payload_size(number(size)?);
    let mut times = Vec::new();
    for _ in 0..number::<usize>(count)? {
        let start = thread_nanoseconds();
        let built = builder.build_packet(&message, &nodes, &destination, &delays);
        times.push((thread_nanoseconds() - start).to_string());
        built.map_err(text)?;
    }
    Ok(times.join(" "))
}

fn answer(line: &str) -> Answer {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.split_first() {
        Some((&"build", rest)) => build(rest),
        Some((&"process", rest)) => process(rest),
        Some((&"read", rest)) => read(rest),
        Some((&"surb", rest)) => surb(rest),
        Some((&"use", rest)) => use_surb(rest),
        Some((&"recover", rest)) => recover(rest),
        Some((&"time-unwrap", rest)) => time_unwrap(rest),
        Some((&"time-build", rest)) => time_build(rest),
        _ => Err("unknown request".to_string()),
    }
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        match answer(&line?) {
            Ok(values) => writeln!(out, "ok {values}")?,
            Err(reason) => writeln!(out, "error {}", reason.replace('\n', " "))?,
        }
        out.flush()?;
    }
    Ok(())
}
