//! The ends of the wire: what serves on a machine, what a client sees of it, and who answers for an address.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::site::Site;

/// Between two questions of the client.
const BEAT: Duration = Duration::from_millis(5);
/// Between two letters on the line that stays open.
const LETTER: Duration = Duration::from_millis(5);

/// Seconds of the wall clock, which all processes of this machine share.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// A machine's service: a datagram and a page on 5000, a line that stays open on 5001; each says the machine's letter.
pub(crate) fn serve(letter: u8) {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 5000)).unwrap();
    let page = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 5000)).unwrap();
    let line = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 5001)).unwrap();
    thread::spawn(move || {
        let mut asked = [0; 64];
        while let Ok((_, from)) = socket.recv_from(&mut asked) {
            let _gone = socket.send_to(&[letter], from);
        }
    });
    thread::spawn(move || {
        for mut stream in line.incoming().flatten() {
            thread::spawn(move || {
                let mut read = [0; 64];
                while matches!(stream.read(&mut read), Ok(1..)) && stream.write_all(&[letter]).is_ok() {}
            });
        }
    });
    for mut stream in page.incoming().flatten() {
        thread::spawn(move || {
            let _request = stream.read(&mut [0; 1024]);
            let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nok\n");
        });
    }
}

/// A client: sends a datagram every 5 ms and never waits for one, and letters over a connection that it opens anew when it
/// breaks. Writes `u TIME WHO` and `t TIME WHO` for each answer.
pub(crate) fn ask(address: Ipv4Addr, log: &Path) {
    let log = Arc::new(Mutex::new(File::create(log).unwrap()));
    let write = |log: &Mutex<File>, kind: char, letter: u8| {
        let text = format!("{kind} {:.6} {}\n", now(), char::from(letter));
        log.lock().unwrap().write_all(text.as_bytes()).unwrap();
    };
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let hearing = (socket.try_clone().unwrap(), Arc::clone(&log));
    thread::spawn(move || {
        let mut answer = [0; 1];
        loop {
            if hearing.0.recv_from(&mut answer).is_ok() {
                write(&hearing.1, 'u', answer[0]);
            }
        }
    });
    thread::spawn(move || {
        let place = SocketAddr::from((address, 5001));
        loop {
            let Ok(mut stream) = TcpStream::connect_timeout(&place, Duration::from_millis(200)) else { continue };
            stream.set_nonblocking(true).unwrap();
            let mut answer = [0; 64];
            loop {
                let again = |error: &std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
                match stream.read(&mut answer) {
                    Ok(0) => break,
                    Ok(_) => write(&log, 't', answer[0]),
                    Err(error) if again(&error) => {}
                    Err(_broken) => break,
                }
                if stream.write_all(b"x").is_err_and(|error| !again(&error)) {
                    break;
                }
                thread::park_timeout(LETTER);
            }
        }
    });
    loop {
        // While nobody is there the network says so; that is an answer missed like any other.
        let _missed = socket.send_to(b"?", (address, 5000));
        thread::park_timeout(BEAT);
    }
}

/// The longest time without an answer, in datagrams (`u`) or on the line (`t`): from when until when, and who answered then.
pub(crate) fn gap(log: &Path, kind: &str) -> Option<(f64, f64, String)> {
    let said = std::fs::read_to_string(log).unwrap();
    let answers: Vec<(f64, &str)> = said
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            (words.next() == Some(kind)).then_some(())?;
            Some((words.next()?.parse().ok()?, words.next()?))
        })
        .collect();
    let longest =
        answers.windows(2).max_by(|one, other| (one[1].0 - one[0].0).total_cmp(&(other[1].0 - other[0].0)))?;
    Some((longest[0].0, longest[1].0, longest[1].1.to_owned()))
}

/// Asks by ARP who has an address, all the time, four times a second.
pub(crate) struct Owners {
    asking: Vec<Child>,
    seen: Arc<Mutex<Vec<(f64, String)>>>,
}

impl Owners {
    pub(crate) fn watch(site: &Site, from: &str, address: Ipv4Addr) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let asking = (0..4).map(|_| {
            thread::park_timeout(Duration::from_millis(250));
            let mut command = site.command(from, &["arping", "-b", "-I", "eth0", &address.to_string()]);
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
            let (lines, seen) = (BufReader::new(child.stdout.take().unwrap()).lines(), Arc::clone(&seen));
            thread::spawn(move || {
                for line in lines.map_while(Result::ok) {
                    let mac = line.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
                    if let Some((mac, _)) = mac {
                        seen.lock().unwrap().push((now(), mac.to_lowercase()));
                    }
                }
            });
            child
        });
        Self { asking: asking.collect(), seen }
    }

    /// Answers in all, and those of an owner after another one had answered already: two at once.
    pub(crate) fn end(mut self) -> (usize, usize) {
        for child in &mut self.asking {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let seen = self.seen.lock().unwrap();
        let mut first: HashMap<&str, f64> = HashMap::new();
        let mut doubles = 0;
        for (at, mac) in seen.iter() {
            let began = *first.entry(mac).or_insert(*at);
            doubles += usize::from(first.values().any(|other| *other > began));
        }
        (seen.len(), doubles)
    }

    /// How often the address went from one machine to another.
    pub(crate) fn moves(&self) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.windows(2).filter(|pair| pair[0].1 != pair[1].1).count()
    }
}
