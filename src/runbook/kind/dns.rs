//! A DNS record, by RFC 2136 with TSIG: the record is exchanged only where it is still what was read (compare and swap),
//! and read back from the server itself. Over TCP, so that no answer is lost without being noticed.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use hickory_net::client::{Client, ClientHandle};
use hickory_net::proto::op::ResponseCode;
use hickory_net::proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_net::proto::rr::rdata::{A, AAAA};
use hickory_net::proto::rr::{DNSClass, Name, RData, Record, RecordSet, RecordType, TSigner};
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_net::tcp::TcpClientStream;
use hickory_net::xfer::DnsMultiplexer;
use serde::{Deserialize, Serialize};

use super::Said;
use crate::fleet::runbook::Tsig;
use crate::fleet::secret::SecretSource;
use crate::reach::{dial, plain};
use crate::runbook::deed::{Bit, Found, Trouble};
use crate::runbook::plan::Act;
use crate::runbook::tools::Tools;

/// How far the clocks may be apart, seconds: RFC 8945, 10.
const FUDGE: u16 = 300;

/// The addresses of a name as they were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    addresses: Vec<IpAddr>,
    ttl: u32,
}

/// What the step is about.
struct Change<'a> {
    server: &'a str,
    zone: Name,
    name: Name,
    address: IpAddr,
    ttl: u32,
    tsig: Option<&'a Tsig>,
}

impl<'a> Change<'a> {
    fn of(bit: Bit<'a>) -> Result<Self, Trouble> {
        let Act::Dns { server, zone, record, address, ttl, tsig } = &bit.step.act else {
            return Err(Trouble::Refused("it is no dns step".into()));
        };
        let named = |text: &str| {
            let mut name = Name::from_str(text)
                .map_err(|error| Trouble::Refused(format!("{text} is not a name of DNS: {error}")))?;
            name.set_fqdn(true);
            Ok::<_, Trouble>(name)
        };
        let whole = if record == "@" { zone.clone() } else { format!("{}.{zone}", record.trim_end_matches('.')) };
        Ok(Self {
            server,
            zone: named(zone)?,
            name: named(&whole)?,
            address: address.parse().map_err(|_odd| {
                Trouble::Refused(format!("{address} is not an address in numbers, which a record needs"))
            })?,
            ttl: *ttl,
            tsig: tsig.as_ref(),
        })
    }

    const fn kind(&self) -> RecordType {
        match self.address {
            IpAddr::V4(_) => RecordType::A,
            IpAddr::V6(_) => RecordType::AAAA,
        }
    }

    fn set(&self, addresses: &[IpAddr], ttl: u32) -> RecordSet {
        let mut set = RecordSet::with_ttl(self.name.clone(), self.kind(), ttl);
        for address in addresses {
            let data = match address {
                IpAddr::V4(v4) => RData::A(A(*v4)),
                IpAddr::V6(v6) => RData::AAAA(AAAA(*v6)),
            };
            set.insert(Record::from_rdata(self.name.clone(), ttl, data), 0);
        }
        set
    }
}

pub(super) async fn check(tools: &Tools, bit: Bit<'_>) -> Result<Found, Trouble> {
    let change = Change::of(bit)?;
    // The key is read here too, so that a dry run sees that it cannot be.
    let mut client = connect(tools, &change, bit.patience).await?;
    let held = read(&mut client, &change).await?;
    if held.addresses == [change.address] && held.ttl == change.ttl {
        return Ok(Found::There(format!("{} is {} already", change.name, change.address)));
    }
    let keep = serde_json::to_value(&held).ok();
    Ok(Found::ToDo { note: Some(format!("{} is {} now", change.name, shown(&held))), keep })
}

pub(super) async fn act(tools: &Tools, bit: Bit<'_>) -> Said {
    let change = Change::of(bit)?;
    let before = kept(bit)?;
    let mut client = connect(tools, &change, bit.patience).await?;
    exchange(&mut client, &change, &before, &Held { addresses: vec![change.address], ttl: change.ttl }).await?;
    Ok(None)
}

pub(super) async fn verify(tools: &Tools, bit: Bit<'_>) -> Said {
    let change = Change::of(bit)?;
    let mut client = connect(tools, &change, bit.patience).await.map_err(|trouble| unsure(&trouble))?;
    let held = read(&mut client, &change).await.map_err(|trouble| unsure(&trouble))?;
    if held.addresses == [change.address] {
        Ok(Some(format!("{} says {} is {}", change.server, change.name, change.address)))
    } else {
        Err(Trouble::Failed(format!("{} says {} is {}", change.server, change.name, shown(&held))))
    }
}

pub(super) async fn undo(tools: &Tools, bit: Bit<'_>) -> Said {
    let change = Change::of(bit)?;
    let before = kept(bit)?;
    let mut client = connect(tools, &change, bit.patience).await?;
    let held = read(&mut client, &change).await?;
    if held == before {
        return Ok(Some(format!("{} is {}", change.name, shown(&before))));
    }
    if held.addresses != [change.address] {
        return Err(Trouble::Refused(format!(
            "{} is {} now, which somebody else wrote; it is left alone",
            change.name,
            shown(&held)
        )));
    }
    exchange(&mut client, &change, &held, &before).await?;
    let held = read(&mut client, &change).await?;
    if held == before {
        Ok(Some(format!("{} is {} again", change.name, shown(&before))))
    } else {
        Err(Trouble::Failed(format!("{} is {}", change.name, shown(&held))))
    }
}

fn kept(bit: Bit<'_>) -> Result<Held, Trouble> {
    let kept = bit.kept.cloned().and_then(|kept| serde_json::from_value(kept).ok());
    kept.ok_or_else(|| Trouble::Refused("what the record was before is not known".into()))
}

fn unsure(trouble: &Trouble) -> Trouble {
    Trouble::Unknown(trouble.words().to_owned())
}

type Connected = Client<TokioRuntimeProvider>;

async fn connect(tools: &Tools, change: &Change<'_>, patience: Duration) -> Result<Connected, Trouble> {
    let failed = |why: &dyn std::fmt::Display| Trouble::Failed(format!("name server {}: {why}", change.server));
    let signer = match change.tsig {
        Some(tsig) => Some(signer(tools, tsig).await?),
        None => None,
    };
    let (host, port) = match change.server.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().unwrap_or(53)),
        _ => (change.server, 53),
    };
    let resolved = dial::resolve(host.trim_matches(['[', ']']), port).await.map_err(|error| failed(&error))?;
    let Some(server) = resolved.first() else { return Err(failed(&"its name has no address")) };
    let (connecting, handle) = TcpClientStream::new(*server, None, Some(patience), TokioRuntimeProvider::default());
    let stream = tokio::time::timeout(patience, connecting).await;
    let stream = stream.map_err(|_late| failed(&format!("no connection in {}", plain::time(patience))))?;
    let stream = stream.map_err(|error| failed(&error))?;
    let mut wire = DnsMultiplexer::new(stream, handle).with_timeout(patience);
    if let Some(signer) = signer {
        wire = wire.with_signer(signer);
    }
    let (mut client, background) = Connected::from_sender(wire);
    client.disable_edns();
    tokio::spawn(background);
    Ok(client)
}

async fn signer(tools: &Tools, tsig: &Tsig) -> Result<TSigner, Trouble> {
    use base64::Engine as _;
    let source = SecretSource::File(tsig.secret_file.clone());
    let secret = tools.secrets.resolve(&source).await;
    let secret = secret.map_err(|error| Trouble::Refused(format!("{error}; {}", error.remedy)))?;
    let file = tsig.secret_file.display();
    let Some(secret) = secret else { return Err(Trouble::Refused(format!("{file} holds no secret"))) };
    let key = base64::engine::general_purpose::STANDARD.decode(secret.expose().trim()).map_err(|_odd| {
        Trouble::Refused(format!(
            "{file} does not hold a key in base64; write only what stands after `secret` in the name server's key file"
        ))
    })?;
    let name = Name::from_str(&tsig.name)
        .map_err(|error| Trouble::Refused(format!("{} is not a name of a key: {error}", tsig.name)))?;
    TSigner::new(key, TsigAlgorithm::HmacSha256, name, FUDGE)
        .map_err(|error| Trouble::Refused(format!("the key {} cannot be used: {error}", tsig.name)))
}

async fn read(client: &mut Connected, change: &Change<'_>) -> Result<Held, Trouble> {
    let answer = client.query(change.name.clone(), DNSClass::IN, change.kind()).await;
    let answer = answer.map_err(|error| Trouble::Failed(words(change, &error.to_string())))?;
    match answer.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        code => return Err(Trouble::Failed(refused(change, code))),
    }
    let mut held = Held { addresses: Vec::new(), ttl: change.ttl };
    for record in answer.answers.iter().filter(|record| record.name == change.name) {
        let address = match &record.data {
            RData::A(A(v4)) => IpAddr::V4(*v4),
            RData::AAAA(AAAA(v6)) => IpAddr::V6(*v6),
            _ => continue,
        };
        held.ttl = record.ttl;
        held.addresses.push(address);
    }
    held.addresses.sort();
    Ok(held)
}

/// Exchanges one state of the record for another, where it is still the first.
async fn exchange(client: &mut Connected, change: &Change<'_>, from: &Held, to: &Held) -> Result<(), Trouble> {
    let zone = change.zone.clone();
    let (old, new) = (change.set(&from.addresses, from.ttl), change.set(&to.addresses, to.ttl));
    let answer = match (from.addresses.is_empty(), to.addresses.is_empty()) {
        (true, true) => return Ok(()),
        (true, false) => client.create(new, zone).await,
        (false, true) => client.delete_by_rdata(old, zone).await,
        (false, false) => client.compare_and_swap(old, new, zone).await,
    };
    let answer = answer.map_err(|error| {
        let words = words(change, &error.to_string());
        // An answer that cannot be verified says that the update was refused; silence says nothing.
        if words.contains("key") { Trouble::Failed(words) } else { Trouble::Unknown(words) }
    })?;
    match answer.response_code {
        ResponseCode::NoError => Ok(()),
        code => Err(Trouble::Failed(refused(change, code))),
    }
}

fn refused(change: &Change<'_>, code: ResponseCode) -> String {
    let why = match code {
        ResponseCode::NXRRSet | ResponseCode::YXRRSet | ResponseCode::YXDomain | ResponseCode::NXDomain => {
            "the record was changed by somebody else meanwhile; look at it and run the step again"
        }
        ResponseCode::Refused => "it refuses the update: does its update-policy allow this key and this name?",
        ResponseCode::NotAuth => "it does not know the key, or the key is another one: compare its name and secret",
        ResponseCode::NotZone => "the name is not in the zone",
        ResponseCode::ServFail => "it could not do it: look at its log",
        ResponseCode::NotImp => "it does not take updates",
        other => return format!("name server {}: {other}", change.server),
    };
    format!("name server {}: {why}", change.server)
}

/// The library's words in ours. A wrong key surfaces as an advice to file an issue about truncated HMACs.
fn words(change: &Change<'_>, said: &str) -> String {
    let low = said.to_lowercase();
    let key = ["truncated hmac", "tsig", "hmac", "bad key", "badsig", "badkey"];
    let why = if key.iter().any(|word| low.contains(word)) {
        "it does not accept the key: compare its name, its secret and the clocks of both machines".to_owned()
    } else {
        plain::line(said, 160)
    };
    format!("name server {}: {why}", change.server)
}

fn shown(held: &Held) -> String {
    if held.addresses.is_empty() {
        return "not there".into();
    }
    held.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
