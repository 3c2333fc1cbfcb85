//! A small app behind the gate: it records what it did, can be stopped and started on another port, and knows how many
//! requests it was ever given at once. Its book survives it, as a database does.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What all runs of the app have done.
#[derive(Default)]
pub struct Book {
    /// How often each write was executed, and with how many bytes.
    pub writes: Mutex<HashMap<String, (u32, usize)>>,
    /// Connections that have not been closed.
    open: AtomicUsize,
    /// Requests that have been read and not answered.
    working: AtomicUsize,
    /// The most of them at once since [`Book::forget_most`].
    most: AtomicUsize,
}

impl Book {
    fn work(&self, path: String, is_write: bool, length: usize, work: Duration) {
        let working = self.working.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(working, SeqCst);
        std::thread::sleep(work);
        if is_write {
            let mut writes = self.writes.lock().expect("the book is readable");
            let entry = writes.entry(path).or_default();
            *entry = (entry.0 + 1, length);
        }
        self.working.fetch_sub(1, SeqCst);
    }

    /// The most requests worked on at once.
    pub fn most(&self) -> usize {
        self.most.load(SeqCst)
    }

    /// Starts counting the most at once anew.
    pub fn forget_most(&self) {
        self.most.store(0, SeqCst);
    }
}

/// A running app.
pub struct App {
    address: SocketAddr,
    ending: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
    book: Arc<Book>,
}

impl App {
    /// Starts on that port; every request takes so long.
    pub fn start(port: u16, book: &Arc<Book>, work: Duration) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the app's port is free");
        rustix::net::listen(&listener, 4096).expect("a longer queue");
        let ending = Arc::new(AtomicBool::new(false));
        let address = listener.local_addr().expect("an address");
        let (book_inside, ending_inside) = (book.clone(), ending.clone());
        let accepting =
            std::thread::spawn(move || accept(&listener, &book_inside, &ending_inside, work));
        Self {
            address,
            ending,
            accepting: Some(accepting),
            book: book.clone(),
        }
    }
}

impl Drop for App {
    /// Takes nobody any more and waits for whoever is being served.
    fn drop(&mut self) {
        self.ending.store(true, SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            accepting.join().expect("the app did not panic");
        }
        while self.book.open.load(SeqCst) > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn accept(listener: &TcpListener, book: &Arc<Book>, ending: &AtomicBool, work: Duration) {
    for stream in listener.incoming() {
        if ending.load(SeqCst) {
            return;
        }
        let (stream, book) = (stream.expect("an accepted connection"), book.clone());
        book.open.fetch_add(1, SeqCst);
        std::thread::spawn(move || {
            // A client that went away is the client's business; what was done is in the book.
            let _ = serve(stream, &book, work);
            book.open.fetch_sub(1, SeqCst);
        });
    }
}

fn serve(stream: TcpStream, book: &Book, work: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let is_write = !line.starts_with("GET ");
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().map_err(std::io::Error::other)?;
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    book.work(path, is_write, length, work);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{length}",
        length.to_string().len()
    );
    reader.get_mut().write_all(answer.as_bytes())
}
